"""The only importers of third-party clients: Docker, HTTP and the machine itself."""
