"""Postgres: implements the port Backups with pg_dump and pg_restore."""
