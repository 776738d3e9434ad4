"""Read the bytes and the text of files, which may be compressed, and several files as one."""
