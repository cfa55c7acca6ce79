"""What lasts: objects by revision, the audit trail, what kinds remember. One SQLite file holds it."""
