"""What a result says beside its number: how sure, from where, which elements. Each is one file.

A statistic takes blocks of elements in C order, as they were computed, and holds what does not
grow with them.
"""
