"""The version, which packaging and code both read."""

__version__ = "0.1.0"
