"""What lasts: objects by revision, the audit trail, what kinds remember; in SQLite or Postgres."""
