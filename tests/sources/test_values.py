"""Values: what each declared type accepts, and that Arrow's way and the one-by-one way agree."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.ontology.spec import SOURCE_TYPES, SourceType
from palantir_assets.sources.values import ARROW, parse, typed


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", " a ", " a "),
        ("integer", " +12 ", 12),
        ("integer", "-2147483648", -(1 << 31)),
        ("long", "9223372036854775807", (1 << 63) - 1),
        ("double", "1.5e3", 1500.0),
        ("boolean", "TRUE", True),
        ("boolean", "0", False),
        ("date", "2013-02-28", date(2013, 2, 28)),
        ("timestamp", "2013-01-01T10:00:00Z", datetime(2013, 1, 1, 10)),
        ("timestamp", "2013-01-01 10:00:00.5", datetime(2013, 1, 1, 10, 0, 0, 500_000)),
        ("timestamp", "2013-01-01T00:30:00+02:00", datetime(2012, 12, 31, 22, 30)),
        ("timestamp", "2013-01-01", datetime(2013, 1, 1)),
    ],
)
def test_a_text_of_its_type_is_read(kind: SourceType, text: str, value: object) -> None:
    column = typed(pa.array([text]), kind)
    assert (column.values.to_pylist(), list(column.bad)) == ([value], [])
    assert parse(text, kind) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "abc"),
        ("integer", "12.5"),
        ("integer", "1e3"),
        ("integer", "0x1F"),
        ("integer", "1_000"),
        ("integer", "2147483648"),
        ("long", "9223372036854775808"),
        ("integer", "١٢"),
        ("double", "nan"),
        ("double", "inf"),
        ("double", "1e999"),
        ("double", "1,5"),
        ("boolean", "yes"),
        ("date", "2013-02-29"),
        ("date", "2013-2-1"),
        ("date", "infinity"),
        ("timestamp", "2013-01-01T25:00:00"),
        ("timestamp", "10:00"),
    ],
)
def test_a_text_of_another_type_is_bad_and_nothing_is_rounded(kind: SourceType, text: str) -> None:
    column = typed(pa.array(["", text, ""]), kind)
    assert column.bad == [1] and column.values.to_pylist() == [None] * 3
    with pytest.raises(ValueError):
        parse(text, kind)


def test_the_empty_text_and_those_declared_are_null() -> None:
    assert typed(pa.array(["", "NA", " NA ", "3"]), "integer", nulls=["NA"]).values.to_pylist() == [None, None, None, 3]
    assert typed(pa.array(["", "NA", "NAB"]), "string", nulls=["NA"]).values.to_pylist() == [None, None, "NAB"]


def test_every_property_type_has_its_column_type() -> None:
    assert set(ARROW) == set(SOURCE_TYPES)


TEXTS = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes().map(lambda moment: moment.isoformat(sep=" ") + "Z"),
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["true", "False", "1", "0", " 7", "+7", "007", "-0", "NA", "0x10", "1.", ".5", "1e5", "nan", "2013-01-01T10:00+02:00"]),
    st.text(alphabet="0123456789+-.eExT:Z ", max_size=8),
)


@given(st.sampled_from(SOURCE_TYPES), TEXTS)
@settings(max_examples=400, deadline=None)
def test_a_whole_column_means_what_each_of_its_texts_means(kind: SourceType, text: str) -> None:
    quick, careful = typed(pa.array([text]), kind), typed(pa.array([text, "no such value"]), kind)
    assert quick.values.to_pylist() == careful.values.to_pylist()[:1]
    assert list(quick.bad) == [index for index in careful.bad if index == 0]
