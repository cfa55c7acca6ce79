"""TLS: handshakes, chains, and files of certificates."""
