"""Cross-entropy in SQL, from a table with the columns c0 to c9 and label.

python duckdb_script.py FILE
"""

import sys

import duckdb

columns = [f"c{i}" for i in range(10)]
total = " + ".join(f"exp({column})" for column in columns)
chosen = " ".join(f"when {i} then {column}" for i, column in enumerate(columns))
[[value]] = duckdb.sql(
    f"select avg(ln({total}) - case label {chosen} end) from '{sys.argv[1]}'"
).fetchall()
print(value)
