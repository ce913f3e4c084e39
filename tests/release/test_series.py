from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from palantir_assets.errors import QueryError
from palantir_assets.release import series as module
from palantir_assets.release.series import series_end, series_points
from palantir_assets.release.writing import write_table

START = datetime(2024, 1, 1)
ROWS = [(name, START + timedelta(hours=n), None if n == 3 else float(n)) for name in ("a", "b") for n in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "series" / "sensor__heat"
    place.mkdir(parents=True)
    for number, rows in enumerate((ROWS[:4], ROWS[4:])):
        series, at, value = zip(*rows, strict=True)
        table = pa.table({"series": list(series), "at": pa.array(at, pa.timestamp("us")), "value": list(value)})
        write_table(table, place / f"part-{number:05d}.parquet")
    return tmp_path


def values(table: pa.Table) -> list[float]:
    return [float(value) for value in table.column("value").to_pylist()]


def test_the_points_of_one_series_come_in_the_order_of_time_from_every_piece(folder: Path) -> None:
    found = series_points(folder, "sensor__heat", "a")
    assert values(found) == [0, 1, 2, 4, 5]
    assert found.column("time").to_pylist()[0] == START.replace(tzinfo=UTC)


def test_a_range_has_its_start_and_not_its_end_in_whatever_zone_it_is_told(folder: Path) -> None:
    korea = timezone(timedelta(hours=9))
    since, until = START.replace(tzinfo=UTC) + timedelta(hours=1), (START + timedelta(hours=14)).replace(tzinfo=korea)
    assert values(series_points(folder, "sensor__heat", "b", since=since, until=until)) == [1, 2, 4]


def test_a_series_or_a_property_without_points_has_none(folder: Path) -> None:
    assert series_points(folder, "sensor__heat", "c").num_rows == 0
    assert series_points(folder, "sensor__cold", "a").schema.names == ["time", "value"]


def test_more_points_than_are_told_at_once_are_refused_with_the_next_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_POINTS", 3)
    with pytest.raises(QueryError, match=r"5 points there[^\n]*\n  next: ask for a shorter range"):
        series_points(folder, "sensor__heat", "a")


def test_the_ends_of_a_series_are_told_however_many_points_lie_between(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_POINTS", 1)
    for name in ("a", "b"):
        first, last = (series_end(folder, "sensor__heat", name, last=last) for last in (False, True))
        assert (values(first), values(last)) == ([0.0], [5.0])
        assert first.column("time").to_pylist() == [START.replace(tzinfo=UTC)]
    for table, series in (("sensor__heat", "c"), ("sensor__heat", None), ("sensor__cold", "a")):
        assert series_end(folder, table, series, last=True).num_rows == series_points(folder, table, series).num_rows == 0
