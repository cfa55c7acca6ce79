"""What should be: the objects that people declare in git. Knows no Docker and no database."""
