"""Which columns of which file each array of a loss is made of: the rules, apart from any file.

Each rule is a file. All of them decide by names and types of columns alone, but for those that need
to know the labels of the target, which they ask for. What could be two things is a DataError that
names both and the option that chooses.
"""
