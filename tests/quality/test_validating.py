"""Suites asked of tables by the real Great Expectations."""

from __future__ import annotations

import pyarrow as pa
import pytest

from palantir_assets.errors import BuildError
from palantir_assets.quality.suites import BETWEEN, IN_SET, LENGTH, MATCHES, NOT_NULL, ROW_COUNT, UNIQUE, Expectation, Suite
from palantir_assets.quality.validating import Result, validate

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120)]

TABLE = pa.table(
    {
        "key": ["a", "b", "b", "d"],
        "number": pa.array([1, 2, None, 400], pa.int32()),
        "flag": pa.array([True, None, False, True]),
        "text": ["가나", "x", None, "한국어"],
    }
)


def ask(*expectations: Expectation) -> tuple[Result, ...]:
    return validate(Suite("order", "block", expectations), TABLE)


def test_each_expectation_finds_exactly_what_breaks_it() -> None:
    results = ask(
        Expectation(ROW_COUNT, "", {"min_value": 5, "max_value": None}),
        Expectation(UNIQUE, "key"),
        Expectation(NOT_NULL, "number"),
        Expectation(NOT_NULL, "number", {"mostly": 0.7}),
        Expectation(BETWEEN, "number", {"min_value": 0, "max_value": 100}),
        Expectation(IN_SET, "key", {"value_set": ["a", "b"]}),
        Expectation(MATCHES, "text", {"regex": "^[가-힣]+$"}),
        Expectation(LENGTH, "text", {"min_value": 2, "max_value": 3}),
        Expectation(NOT_NULL, "flag"),
    )
    assert [(result.passed, result.broken) for result in results] == [
        (False, 0),
        (False, 2),
        (False, 1),
        (True, 1),
        (False, 1),
        (False, 1),
        (False, 1),
        (False, 1),
        (False, 1),
    ]
    assert (results[1].places, results[2].places, results[4].places) == ((1, 2), (2,), (3,))
    assert results[4].examples == (400,) and type(results[4].examples[0]) is int


def test_an_expectation_that_cannot_be_asked_is_an_error_and_never_a_pass() -> None:
    with pytest.raises(BuildError, match="could not be evaluated"):
        ask(Expectation(BETWEEN, "nothing", {"min_value": 0, "max_value": 1}))
