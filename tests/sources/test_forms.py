"""Values written otherwise mean what they were declared to mean, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from palantir_assets.sources.forms import NO_VALUE, Form, canonical, said_of
from palantir_assets.sources.values import typed

GERMAN = Form(decimal=",", thousands=".")


def one(text: str | None, kind: str, form: Form, *nulls: str) -> object:
    texts = canonical(pa.array([text], pa.string()), kind, form, nulls=nulls)  # type: ignore[arg-type]
    found = typed(texts, kind, nulls=nulls)  # type: ignore[arg-type]
    return "refused" if found.bad else found.values[0].as_py()


def test_nothing_is_touched_that_is_written_as_usual() -> None:
    texts = pa.array(["1.5", None, "x"])
    assert canonical(texts, "double", Form()) is texts and said_of(Form()) == ""


@pytest.mark.parametrize("text", ["", "  ", "NA", " NA "])
def test_what_means_null_stays_null(text: str) -> None:
    assert [one(text, kind, form, "NA") for kind, form in (("double", GERMAN), ("date", Form(format="%d.%m.%Y")))] == [None, None]
    assert one(None, "double", GERMAN) is None


@given(st.integers(-(10**12), 10**12), st.integers(0, 99))
def test_a_number_is_the_one_that_was_written(whole: int, cents: int) -> None:
    text = f"{whole:,}".replace(",", ".") + f",{cents:02}"
    assert one(text, "double", GERMAN) == float(f"{whole}.{cents:02}")
    assert one(f"{whole:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), "long", Form(thousands=" ")) == whole


@given(st.text(alphabet="0123456789.,+-eE ", max_size=9))
def test_a_number_is_never_taken_for_another_one(text: str) -> None:
    found = one(text, "double", GERMAN)
    if isinstance(found, float):
        head, comma, decimals = text.strip().partition(",")
        groups = head.lstrip("+-").split(".")
        assert "." not in decimals and all(len(group) == 3 for group in groups[1:]) and (len(groups) == 1 or 1 <= len(groups[0]) <= 3)
        assert found == float(head.replace(".", "") + comma.replace(",", ".") + decimals)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2037, 1, 1)), st.sampled_from(["Asia/Seoul", "Europe/Berlin", "America/New_York"]))
@example(datetime(2024, 3, 31, 2, 30), "Europe/Berlin")
@example(datetime(2024, 11, 3, 1, 30), "America/New_York")
def test_a_local_time_is_its_moment_or_refused_where_the_clock_has_it_not_once(at: datetime, zone: str) -> None:
    at = at.replace(microsecond=0, second=0)
    found = one(at.isoformat(), "timestamp", Form(zone=zone))
    moments = {
        moment
        for offset in range(-14 * 4, 14 * 4)
        if (moment := at.replace(tzinfo=UTC) - timedelta(minutes=15 * offset)).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == at
    }
    assert found == (moments.pop().replace(tzinfo=None) if len(moments) == 1 else "refused")


def test_an_offset_that_is_written_is_believed() -> None:
    assert one("2024-05-01 09:00:00+02:00", "timestamp", Form(zone="Asia/Seoul")) == datetime(2024, 5, 1, 7)
    assert one("01.05.2024 09:00 +0200", "timestamp", Form(format="%d.%m.%Y %H:%M %z")) == datetime(2024, 5, 1, 7)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "20240501", "2024-W18-3", "noon"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    assert one(text, "timestamp", Form(zone="Asia/Seoul")) == "refused"


def test_no_text_that_a_file_can_hold_in_a_number_means_no_value() -> None:
    assert one(NO_VALUE, "double", GERMAN) == "refused"
