"""Evaluate requests: score blocks of elements, and merge their statistics into a result."""
