"""The rules that choose the columns of each array of a loss.

Each module contains one rule. Rules use only the names and types of columns, except for a few that
ask for the labels of the target. If a rule finds two readings, it raises a DataError that names
both and the option to choose one.
"""
