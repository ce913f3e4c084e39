from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.errors import QueryError
from palantir_assets.release.series import series_points
from palantir_assets.serving.series import RelativeTime, _moved

SERIES = "/api/v2/ontologies/default/objects/order/1/timeseries"
NOW = datetime(2024, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "value", "unit", "expected"),
    [
        ("BEFORE", 3, "DAYS", datetime(2024, 3, 28, 12, tzinfo=UTC)),
        ("AFTER", 90, "MINUTES", datetime(2024, 3, 31, 13, 30, tzinfo=UTC)),
        ("BEFORE", 1, "MONTHS", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("BEFORE", 13, "MONTHS", datetime(2023, 2, 28, 12, tzinfo=UTC)),
        ("AFTER", 10, "MONTHS", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        ("BEFORE", 4, "YEARS", datetime(2020, 3, 31, 12, tzinfo=UTC)),
        ("BEFORE", 250, "MILLISECONDS", datetime(2024, 3, 31, 11, 59, 59, 750_000, tzinfo=UTC)),
    ],
)
def test_a_time_is_so_long_before_now_or_after(when: str, value: int, unit: str, expected: datetime) -> None:
    assert _moved(RelativeTime.model_validate({"when": when, "value": value, "unit": unit}), NOW) == expected


@pytest.mark.parametrize("unit", ["YEARS", "MONTHS", "WEEKS"])
def test_a_time_before_all_times_is_refused(unit: str) -> None:
    with pytest.raises(QueryError, match="is no time"):
        _moved(RelativeTime.model_validate({"when": "BEFORE", "value": 9_999_999, "unit": unit}), NOW)


def test_only_a_time_series_has_points(client: TestClient) -> None:
    assert "only a timeseries has" in client.get(f"{SERIES}/amount/firstPoint").json()["errorDescription"]
    assert client.get(f"{SERIES}/nope/lastPoint").json()["errorName"] == "PropertiesNotFound"
    assert client.post(f"{SERIES}/amount/streamPoints?format=CSV").json()["errorDescription"] == "format: JSON or ARROW"
    assert client.post(f"{SERIES}/amount/streamPoints", json={"aggregate": {}}).json()["errorName"] == "InvalidQuery"


@pytest.mark.parametrize("end", ["since", "until"])
def test_a_time_that_has_no_place_in_utc_is_the_callers_error(tmp_path: Path, end: str) -> None:
    (tmp_path / "series" / "order__amount").mkdir(parents=True)
    moment = datetime.fromisoformat("0001-01-01T00:00:00+14:00")
    with pytest.raises(QueryError, match="outside the years"):
        series_points(tmp_path, "order__amount", "x", **{end: moment})
