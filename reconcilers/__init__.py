"""The kinds: one folder each, and a registry with one line a kind."""
