"""Read the bytes of files, compressed or not, several files as one, and the text in them."""
