"""What Python says of an expression is what SQL says of it, nulls and all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.ontology.criteria import expression_of, plain_of, reads, typed
from palantir_assets.ontology.evaluated_functions import CALLED
from palantir_assets.ontology.evaluating import evaluate, holds
from palantir_assets.ontology.expressions import FUNCTIONS, ExpressionError, parse
from palantir_assets.ontology.spec import PropertyType

TYPES: dict[str, PropertyType] = {
    "n": "long", "m": "long", "x": "double", "y": "double", "s": "string", "u": "string",
    "b": "boolean", "c": "boolean", "d": "date", "e": "date", "t": "timestamp", "v": "timestamp",
}  # fmt: skip
SQL = {"long": "BIGINT", "double": "DOUBLE", "string": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP"}
CASES = 2_500

exact = st.integers(-40, 40).map(lambda eighths: eighths / 8)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "long": st.integers(-9, 9),
    "double": exact,
    "string": st.text(alphabet="abÄß한İ' ", max_size=4),
    "boolean": st.booleans(),
    "date": st.dates(date(2019, 12, 30), date(2020, 3, 2)),
    "timestamp": st.datetimes(datetime(2020, 2, 28, 22), datetime(2020, 3, 1, 2)),
}
rows = st.fixed_dictionaries({name: st.none() | VALUES[type_] for name, type_ in TYPES.items()})


def _names(type_: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name, found in TYPES.items() if found in type_.split("|")])


def _joined(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda found: template.format(*found))


def _numbers(inner: st.SearchStrategy[str], texts: st.SearchStrategy[str], truths: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _joined("({} {} {})", inner, st.sampled_from("+-*/%"), inner),
        _joined("(-{})", inner),
        _joined("abs({})", inner),
        _joined("round({}, {})", inner, st.sampled_from(["0", "1", "2"])),
        _joined("coalesce({}, {})", inner, inner),
        _joined("if_else({}, {}, {})", truths, inner, inner),
        _joined("length({})", texts),
        _joined("{}({})", st.sampled_from(["year", "month", "day", "weekday"]), _names("date|timestamp")),
        _joined("hour({})", _names("timestamp")),
        _joined("minutes_between({}, {})", _names("timestamp"), _names("timestamp")),
        _joined("days_between({}, {})", _names("date"), _names("date")),
    )


def _truths(numbers: st.SearchStrategy[str], texts: st.SearchStrategy[str], inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    either = st.sampled_from(["and", "or"])
    return st.one_of(
        _joined("({} {} {})", inner, either, inner),
        _joined("(not {})", inner),
        _joined("({} {} {})", numbers, signs, numbers),
        _joined("({} {} {} {} {})", numbers, signs, numbers, signs, numbers),
        _joined("({} {} {})", texts, signs, texts),
        _joined("({} {} '2020-02-{}')", _names("date|timestamp"), signs, st.sampled_from(["01", "29"])),
        _joined("({} {} [{}, {}, None])", numbers, st.sampled_from(["in", "not in"]), numbers, numbers),
        _joined("({} {} [{}, {}])", texts, st.sampled_from(["in", "not in"]), texts, texts),
        _joined("({} {} None)", st.sampled_from(list(TYPES)), st.sampled_from(["is", "is not"])),
        _joined("{}({}, {})", st.sampled_from(["contains", "starts_with"]), texts, texts),
    )


def _expressions() -> st.SearchStrategy[str]:
    numbers: st.SearchStrategy[str] = _names("long|double") | st.sampled_from(["0", "2", "7", "0.5", "2.25", "None"])
    texts: st.SearchStrategy[str] = _names("string") | VALUES["string"].map(repr)
    truths: st.SearchStrategy[str] = _names("boolean") | st.sampled_from(["true", "false", "None"])
    for _ in range(3):
        deeper = _joined("lower({})", texts) | _joined("upper({})", texts) | _joined("({} + {})", texts, texts)
        numbers, texts, truths = (
            numbers | _numbers(numbers, texts, truths),
            texts | deeper,
            truths | _truths(numbers, texts, truths),
        )
    return numbers | texts | truths


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@settings(max_examples=CASES, deadline=None)
@given(text=_expressions(), row=rows)
def test_python_and_sql_say_the_same_of_every_expression(con: duckdb.DuckDBPyConnection, text: str, row: dict[str, object]) -> None:
    try:
        expression = parse(text, TYPES)
        columns = ", ".join(f"CAST(? AS {SQL[type_]}) AS {name}" for name, type_ in TYPES.items())
        ((expected,),) = con.execute(f"SELECT {expression.sql} FROM (SELECT {columns})", [row[name] for name in TYPES]).fetchall()
    except (ExpressionError, duckdb.Error):
        return  # kinds that do not fit, or a number too large for its type: SQL has no answer
    found = evaluate(text, row)
    if isinstance(expected, int | float | Decimal) and not isinstance(expected, bool):
        assert found is not None and (math.isclose(found, expected, abs_tol=1e-9) or (math.isnan(found) and math.isnan(expected))), text
    else:
        assert found == expected and type(found) is type(expected), text


def test_every_function_of_the_language_is_evaluated() -> None:
    assert CALLED.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plane.seats > 10", True),
        ("plane.status != 'grounded'", None),
        ("'safety' in caller.roles", True),
        ("'pilot' not in caller.roles", True),
        ("None in caller.roles", None),
        ("'x' in caller.teams", None),
        ("latitude(plane.place) > 37", True),
        ("size(caller.roles)", 1),
        ("1 / 0 > 5", True),
        ("$", ExpressionError),
        ("plane.upper()", ExpressionError),
        ("(plane + plane).seats", ExpressionError),
        ("[n for n in s]", ExpressionError),
        ("when > 'soon'", ExpressionError),
    ],
)
def test_dotted_names_and_lists_of_the_caller_are_read(text: str, expected: object) -> None:
    names = {"plane.seats": 12, "caller.roles": ["safety"], "plane.place": {"latitude": 37.5}, "when": date(2020, 1, 1)}
    if expected is ExpressionError:
        with pytest.raises(ExpressionError):
            evaluate(text, names)
    else:
        assert evaluate(text, names) == expected


def test_a_condition_that_is_null_does_not_hold() -> None:
    assert not holds("seats > 1", {}) and holds("seats > 1", {"seats": 2}) and not holds("seats > 1", {"seats": 0})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plane.seat > 1", "reads unknown property 'plane.seat'"),
        ("plane.seats in caller.roles", "is a number where a string is needed|'plane.seats' is a number|where a number is needed"),
        ("'x' in plane.seats", "`in` needs a list"),
        ("plane", "reads unknown property 'plane'"),
    ],
)
def test_what_does_not_fit_is_told(text: str, told: str) -> None:
    with pytest.raises(ExpressionError, match=told):
        typed(text, {"plane.seats": "number", "caller.roles": "array"})


def test_names_with_a_dot_are_read_as_one() -> None:
    assert reads("plane.seats > limit and 'x' in caller.roles and true") == {"plane.seats", "limit", "caller.roles"}


def test_a_value_after_the_sign_is_an_expression_and_a_doubled_sign_is_one() -> None:
    assert [expression_of(value) for value in ("$now", "now", "$$now", 5)] == ["now", None, None, None]
    assert plain_of("$$now") == "$now"
