"""Files: their bytes, compressed or not, several as one, and the text in them."""
