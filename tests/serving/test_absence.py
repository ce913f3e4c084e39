"""The API does without pandas wherever it is installed, and what would like to have it goes on all the same."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys
from palantir_assets.serving.absence import do_without
do_without("pandas")
import duckdb, numpy, pyarrow
table = pyarrow.table({"n": pyarrow.array(numpy.arange(3))})
connection = duckdb.connect()
connection.register("given", table)
print(connection.execute("SELECT sum(n) FROM given WHERE n > ?", [0]).fetchall(), connection.execute("FROM given").fetchnumpy()["n"].sum())
try:
    import pandas
except ModuleNotFoundError as error:
    print(error)
print("pandas" in sys.modules)
"""


def test_pandas_is_not_there_and_nothing_misses_it() -> None:
    told = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == ["[(3,)] 3", "No module named 'pandas'", "False"]
