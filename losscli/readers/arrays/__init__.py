"""Arrays that hold no columns: in files, in memory, and made of other arrays."""
