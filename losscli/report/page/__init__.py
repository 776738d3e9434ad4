"""A page of HTML: its style, its script, its plots and its text."""
