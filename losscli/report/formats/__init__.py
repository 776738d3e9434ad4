"""Output formats. Every module with a class `Report` adds a format."""
