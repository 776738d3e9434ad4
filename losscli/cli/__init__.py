"""The command line: one command a loss, made from the registry."""
