"""Records: what was computed from which files, so that it can be computed again and compared."""
