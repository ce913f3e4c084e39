from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from palantir_assets.engine.postings import MISSING, Postings
from palantir_assets.ontology.served_parts import ServedType
from palantir_assets.release.postings import indexable, read_postings, read_vectors, write_postings

MONEY = [Decimal("1.10"), Decimal("-0.05"), None, Decimal("1.10"), Decimal(0), Decimal(7), None]
COLUMNS: dict[str, tuple[str, dict[str, Any], list[Any]]] = {
    "text": ("VARCHAR", {"type": "string"}, ["b", None, "한국", "", "b", "a\x00", "é"]),
    "whole": ("INTEGER", {"type": "integer"}, [3, 3, None, -1, 2**31 - 1, 0, 3]),
    "number": ("DOUBLE", {"type": "double"}, [0.0, -0.0, 1.5, None, float("nan"), float("inf"), -2.0]),
    "money": ("DECIMAL(6, 2)", {"type": "decimal", "digits": (6, 2)}, MONEY),
    "day": ("DATE", {"type": "date"}, [date(2024, 1, 1), None, date(1960, 5, 5), date(2024, 1, 1), None, None, None]),
    "moment": ("TIMESTAMP", {"type": "timestamp"}, [datetime(2024, 1, 1, 0, 0, 0, 1), None, datetime(1960, 1, 1), None, None, None, None]),
    "flag": ("BOOLEAN", {"type": "boolean"}, [True, False, None, True, True, False, None]),
}  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Postings]:
    kind = ServedType.model_validate(
        {
            "name": "thing", "label": {"en": "Thing"}, "key": "text", "title": "{text}", "indexes": list(COLUMNS),
            "properties": {**{name: prop for name, (_, prop, _) in COLUMNS.items()}, "v": {"type": "vector", "size": 2}},
        }
    )  # fmt: skip
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE thing (_row INTEGER, {', '.join(f'{name} {sql}' for name, (sql, _, _) in COLUMNS.items())}, v FLOAT[2])")
        rows = zip(*(values for _, _, values in COLUMNS.values()), strict=True)
        listed = [[at, *row, None if at == 2 else [at, 1]] for at, row in enumerate(rows)]
        con.executemany(f"INSERT INTO thing VALUES ({', '.join('?' * (len(COLUMNS) + 2))})", listed)
        write_postings(con, kind, tmp_path)
    matrix = read_vectors(kind, tmp_path)["v"]
    assert matrix[:2].tolist() == [[0, 1], [1, 1]] and np.isnan(matrix[2]).all()
    return dict(read_postings(kind, tmp_path))


@pytest.mark.parametrize("name", COLUMNS)
def test_an_index_finds_what_equals_a_value_and_where_others_would_stand(written: dict[str, Postings], name: str) -> None:
    index, values = written[name], COLUMNS[name][2]
    for asked in (value for value in values if value is not None and value == value):
        first, after = index.between(asked)
        found = index.order[index.offsets[first] : index.offsets[after]].tolist()
        assert found == [at for at, value in enumerate(values) if value is not None and value == asked]
        below = index.order[: index.offsets[first]].tolist()
        assert sorted(below) == [at for at, value in enumerate(values) if value is not None and value < asked]


@pytest.mark.parametrize("name", COLUMNS)
def test_missing_values_come_last_and_ranks_fit_the_order(written: dict[str, Postings], name: str) -> None:
    index, values = written[name], COLUMNS[name][2]
    missing = [at for at, value in enumerate(values) if value is None]
    assert index.order[index.offsets[-1] :].tolist() == missing
    assert [at for at in range(len(values)) if index.ranks[at] == MISSING] == missing
    ranks = index.ranks[index.order]
    assert ranks.tolist() == sorted(ranks.tolist())


def test_what_has_no_order_or_too_many_digits_is_not_indexed() -> None:
    kind = ServedType.model_validate(
        {"name": "t", "label": {"en": "T"}, "key": "k", "title": "k", "properties": {
            "k": {"type": "string"}, "place": {"type": "geopoint"}, "wide": {"type": "decimal", "digits": (30, 2)},
        }}
    )  # fmt: skip
    assert [name for name, prop in kind.properties.items() if indexable(prop)] == ["k"]
