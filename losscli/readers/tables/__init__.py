"""Tables, their columns as arrays, and how rows of several tables belong together."""
