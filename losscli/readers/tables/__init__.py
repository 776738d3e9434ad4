"""Tables, their columns as arrays, and the pairing of rows of several tables."""
