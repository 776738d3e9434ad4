"""The rules that choose the columns of each array of a loss.

Rules use only the names and types of columns, except for a few that also read the labels of the
target. If a rule finds two possible choices, it raises a DataError that names both choices and the
option for each.
"""
