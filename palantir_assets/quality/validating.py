"""Suites asked of a table, by Great Expectations: the only home of that library.

Its SQL source cannot read DuckDB, so a suite sees the columns it needs as a pandas frame. The import costs
seconds and happens on first use.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from palantir_assets.errors import BuildError
from palantir_assets.quality.suites import NOT_NULL, ROW_COUNT, Expectation, Suite

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Result:
    """One expectation's outcome: how many values broke it, up to five of them, and in which rows of the table these stand."""

    expectation: Expectation
    passed: bool
    observed: object = None
    broken: int = 0
    examples: tuple[object, ...] = ()
    places: tuple[int, ...] = ()


def validate(suite: Suite, table: pyarrow.Table) -> tuple[Result, ...]:
    """Ask a suite of a table that has `suite.columns`; one Result per expectation, in order.

    Raises BuildError when an expectation cannot be evaluated at all: a check that could not run has not passed.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    import great_expectations.expectations as gxe

    frame = table.to_pandas(types_mapper=_nullable_types().get)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("objects").add_dataframe_asset(suite.object_type)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    expectations = [_expectation(gxe, expectation, index) for index, expectation in enumerate(suite.expectations)]
    report = batch.validate(gx.ExpectationSuite(name=suite.name, expectations=expectations))
    outcomes = {outcome.expectation_config.meta["index"]: outcome for outcome in report.results}
    return tuple(_result(wanted, outcomes[index]) for index, wanted in enumerate(suite.expectations))


def _nullable_types() -> Mapping[Any, Any]:
    """Arrow types as pandas types that keep integers integers where there are nulls."""
    import pandas as pd
    import pyarrow as pa

    return {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def _expectation(gxe: Any, expectation: Expectation, index: int) -> Any:
    """The library's expectation; its outcome is found again by the index, since results come in another order."""
    column = {} if expectation.kind == ROW_COUNT else {"column": expectation.column}
    return getattr(gxe, expectation.kind)(**column, **expectation.arguments, meta={"index": index})


def _result(expectation: Expectation, outcome: Any) -> Result:
    if problem := _raised(outcome.exception_info or {}):
        raise BuildError(f"the expectation {expectation} could not be evaluated: {problem}")
    details = outcome.result
    broken = int(details.get("unexpected_count") or 0)
    found = () if expectation.kind == NOT_NULL else (details.get("partial_unexpected_list") or ())[:5]
    examples = tuple(value.item() if hasattr(value, "item") else value for value in found)
    places = tuple(int(place) for place in (details.get("partial_unexpected_index_list") or ())[:5])
    return Result(expectation, bool(outcome.success), details.get("observed_value"), broken, examples, places)


def _raised(info: Mapping[str, Any]) -> str:
    """What was raised while evaluating, or an empty string: the library tells it flat, or one entry a metric."""
    entries = [info, *(entry for entry in info.values() if isinstance(entry, Mapping))]
    return next((str(entry.get("exception_message")) for entry in entries if entry.get("raised_exception")), "")
