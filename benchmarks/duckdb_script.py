"""Cross-entropy in SQL: python duckdb_script.py FILE, of columns c0..c9 and label."""

import sys

import duckdb

columns = [f"c{i}" for i in range(10)]
total = " + ".join(f"exp({column})" for column in columns)
chosen = " ".join(f"when {i} then {column}" for i, column in enumerate(columns))
[[value]] = duckdb.sql(
    f"select avg(ln({total}) - case label {chosen} end) from '{sys.argv[1]}'"
).fetchall()
print(value)
