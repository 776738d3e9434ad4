"""Parse and check a request before any file is opened."""
