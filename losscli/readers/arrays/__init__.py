"""Arrays without columns: in files, in memory, and derived from other arrays."""
