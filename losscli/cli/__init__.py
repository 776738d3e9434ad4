"""The command line: one command per loss, made from the registry."""
