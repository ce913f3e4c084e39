"""Aggregates: one SQL statement over the rows of a set, its filter pushed down where it is nothing but a filter.

What is computed, and of which columns, was settled in `query.aggregates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.deriving import derive
from palantir_assets.engine.ports import Released
from palantir_assets.engine.predicates import condition, in_sql, reference, sql_type
from palantir_assets.engine.rows import RowSet
from palantir_assets.engine.sets import resolve
from palantir_assets.engine.sources import Source, source
from palantir_assets.engine.spelling import plain
from palantir_assets.engine.statements import Sql, fetched
from palantir_assets.names import literal
from palantir_assets.query.aggregates import AggregatePlan, Duration, Exact, FixedWidth, Grouping, Metric, Ranges
from palantir_assets.query.fields import TEXTS, Column
from palantir_assets.query.groupings import MAX_GROUPS
from palantir_assets.query.nodes import Base, Filter, Node
from palantir_assets.query.predicates import Every, Predicate, leaves
from palantir_assets.query.where import decimal_test

_AGGREGATES: Final = {
    "sum": "sum({0})",
    "avg": "avg({0})",
    "min": "min({0})",
    "max": "max({0})",
    "approximateDistinct": "count(DISTINCT {0})",
    "exactDistinct": "count(DISTINCT {0})",
    "approximatePercentile": "quantile_cont({0}, {1})",
}
_UNITS: Final = {
    "MILLISECONDS": 1_000, "SECONDS": 10**6, "MINUTES": 60 * 10**6, "HOURS": 3_600 * 10**6, "DAYS": 86_400 * 10**6,
}  # fmt: skip
_CALENDAR: Final = {"WEEKS": "week", "MONTHS": "month", "QUARTERS": "quarter", "YEARS": "year"}


@dataclass(frozen=True)
class Groups:
    """`items` are groups with their metrics, as JSON can hold them.

    `excluded` counts the objects in none of them: their value is missing or in no range, or their group was cut off
    by `maxGroupCount`. `accurate` is False only where one was cut off: to miss a value makes no number less right.
    """

    items: list[tuple[dict[str, Any], list[tuple[str, Any]]]]
    excluded: int
    accurate: bool


def aggregate(plan: AggregatePlan, release: Released) -> Groups:
    """The answer to an aggregate plan. Raises QueryTooLong, or QueryError."""
    asking = Asking(plan.view, release)
    given = _given(asking, plan)
    limit = min([MAX_GROUPS, *(group.most for group in plan.groups if isinstance(group, Exact))])
    groups = [f"group_{at}" for at in range(len(plan.groups))]
    metrics = [f"{_metric(metric, at)} AS metric_{at}" for at, metric in enumerate(plan.metrics)]
    grouping = f" GROUP BY {', '.join(groups)}" if groups else ""
    grouped = f"SELECT {', '.join([*groups, *metrics, 'count(*) AS counted'])} FROM given{grouping}"
    kept = " AND ".join(f"group_{at} IS NOT NULL" for at, group in enumerate(plan.groups) if not _keeps_missing(group)) or "true"
    # Groups of what is missing come last and are not told: they are there to be counted.
    text = (
        f"WITH given AS ({given.text}), grouped AS ({grouped}) "
        f"SELECT *, sum(counted) OVER () AS everything, count(*) FILTER (WHERE kept) OVER () AS those_kept "
        f"FROM (SELECT *, {kept} AS kept FROM grouped) ORDER BY kept DESC, {_order(plan, groups)} LIMIT {limit}"
    )
    rows = fetched(release, Sql(text, given.values), given.tables)
    everything, those_kept = rows[0][-2:] if rows else (0, 0)
    told = [row for row in rows if row[-3]]
    return Groups([_item(plan, row) for row in told], int(everything) - sum(row[-4] for row in told), those_kept == len(told))


@dataclass(frozen=True)
class _Given:
    """A statement whose rows are the objects of the set, with columns `group_i` and `value_i`."""

    text: str
    values: tuple[Any, ...] = ()
    tables: dict[str, pa.Table] = field(default_factory=dict)


def _given(asking: Asking, plan: AggregatePlan) -> _Given:
    pushed = _pushed(plan.node)
    used = [column for part in (*plan.groups, *plan.metrics) for _, column in part.columns]
    if pushed is not None and not any(column.derived for column in used):
        name, test = pushed
        where = condition(test)
        return _select(plan, name, source(asking.release, name, asking.visible(name)), where)
    sets = resolve(asking, plan.node)
    parts = [_of_type(asking, plan, name, rows, str(at)) for at, (name, rows) in enumerate(sets.items())]
    if not parts:
        columns = [f"NULL AS group_{at}" for at in range(len(plan.groups))] + [f"NULL AS value_{at}" for at in range(len(plan.metrics))]
        return _Given(f"SELECT {', '.join(columns)} WHERE false")
    return _Given(
        " UNION ALL ".join(part.text for part in parts),
        tuple(value for part in parts for value in part.values),
        {name: table for part in parts for name, table in part.tables.items()},
    )


def _pushed(node: Node) -> tuple[str, Predicate] | None:
    """The object type and the filter, if the set is no more than that and SQL can say it."""
    tests: list[Predicate] = []
    while isinstance(node, Filter) and len(node.tests) == 1:
        tests.append(node.tests[0][1])
        node = node.source
    if not isinstance(node, Base):
        return None
    whole = Every(tuple(tests))
    derived = any(leaf.column.derived is not None for leaf in leaves(whole))
    return (node.type, whole) if in_sql(whole) and not derived else None


def _of_type(asking: Asking, plan: AggregatePlan, name: str, rows: RowSet, suffix: str) -> _Given:
    used = [dict(part.columns)[name] for part in (*plan.groups, *plan.metrics) if part.columns]
    derived = list(dict.fromkeys(column for column in used if column.derived is not None))
    values = derive(asking, name, derived, rows) if derived else None
    return _select(plan, name, source(asking.release, name, rows, values, suffix=suffix), Sql("true"))


def _select(plan: AggregatePlan, name: str, origin: Source, where: Sql) -> _Given:
    columns: list[str] = []
    values: list[Any] = []
    for at, group in enumerate(plan.groups):
        piece = _group(group, dict(group.columns)[name])
        values += piece.values
        columns.append(f"{piece.text} AS group_{at}")
    for at, metric in enumerate(plan.metrics):
        column = dict(metric.columns).get(name)
        columns.append(f"{reference(column) if column else 'NULL'} AS value_{at}")
    text = f"SELECT {', '.join(columns) or '1 AS one'} FROM {origin.text} WHERE {origin.test} AND {where.text}"
    return _Given(_in_ranges(plan, text), (*values, *where.values), origin.tables)


def _in_ranges(plan: AggregatePlan, text: str) -> str:
    """A row for every range an object is in; one for an object in no group, so that it is counted once."""
    if not (ranges := [at for at, group in enumerate(plan.groups) if isinstance(group, Ranges)]):
        return text
    demanded = [at for at, group in enumerate(plan.groups) if not _keeps_missing(group)]
    nowhere = " OR ".join(f"coalesce(len(group_{at}), 0) = 0" if at in ranges else f"group_{at} IS NULL" for at in demanded)
    text = f"SELECT *, ({nowhere}) AS nowhere FROM ({text})"
    for at in ranges:  # one after the other: two lists side by side would be paired, not combined
        text = f"SELECT * REPLACE (unnest(CASE WHEN nowhere THEN [NULL] ELSE group_{at} END) AS group_{at}) FROM ({text})"
    return text


def _group(group: Grouping, column: Column) -> Sql:
    value = reference(column)
    match group:
        case Exact(default=str(default)) if column.type in TEXTS:
            return Sql(f"coalesce({value}, ?)", (default,))
        case Exact():
            return Sql(value)
        case FixedWidth(width=width) if column.type == "double":
            return Sql(f"(CASE WHEN isfinite({value}) THEN floor({value} / {width}) * {width} END)")
        case FixedWidth(width=width):
            exact = f"{value}::{'HUGEINT' if column.type != 'decimal' else sql_type(column)}"
            return Sql(f"({exact} - ((({exact} % {width}) + {width}) % {width}))")
        case Duration():
            return _period(group, column, value)
        case Ranges(ranges=ranges):
            return _ranges(ranges, column, value)


def _period(group: Duration, column: Column, value: str) -> Sql:
    if group.unit in _CALENDAR:
        return Sql(f"date_trunc({literal(_CALENDAR[group.unit])}, {value})::{sql_type(column)}")
    if column.type == "date":
        days = f"(({value} - DATE '1970-01-01') // 1)"
        return Sql(f"(DATE '1970-01-01' + CAST(floor({days} / {group.value}::DOUBLE) * {group.value} AS INTEGER))")
    width = _UNITS[group.unit] * group.value
    moved = f"(epoch_us({value}) - ((epoch_us({value}) % {width}) + {width}) % {width})"
    return Sql(f"make_timestamp({moved})")


def _ranges(ranges: Sequence[tuple[Any, Any]], column: Column, value: str) -> Sql:
    """A list of the numbers of the ranges that hold the value."""
    tests, values = [], []
    for at, (start, end) in enumerate(ranges):
        bounds = [(">=", start), ("<", end)]
        told = [_bounded(column, value, sign, bound) for sign, bound in bounds if bound is not None]
        values += [each for bound in told for each in bound.values]
        tests.append(f"CASE WHEN {' AND '.join(bound.text for bound in told)} THEN {at} END")
    return Sql(f"list_filter([{', '.join(tests)}], lambda x: x IS NOT NULL)", tuple(values))


def _bounded(column: Column, value: str, sign: str, bound: Any) -> Sql:
    """One end of a range, exactly, whatever it is: a decimal is never compared as a double, and a bound may be longer than an integer."""
    if isinstance(bound, Decimal):
        return condition(decimal_test(column, "gte" if sign == ">=" else "lt", bound))
    return Sql(f"{value} {sign} ?::{'BIGINT' if column.type == 'integer' else sql_type(column)}", (bound,))


def _keeps_missing(group: Grouping) -> bool:
    return isinstance(group, Exact) and (group.nulls or group.default is not None)


def _metric(metric: Metric, at: int) -> str:
    if metric.kind == "count":
        return "count(*)"
    kinds = {column.type for _, column in metric.columns}
    # Whole numbers stay what they are: their means are exact sums divided once, and doubles take twice as long to sort.
    cast = "::DOUBLE" if metric.kind in ("avg", "approximatePercentile") and "decimal" in kinds else ""
    return _AGGREGATES[metric.kind].format(f"value_{at}" + cast, metric.percentile)


def _order(plan: AggregatePlan, groups: Sequence[str]) -> str:
    """As the metrics say; else the largest groups first, so that what is cut off is the least; then the groups themselves."""
    told = [f"metric_{at} {metric.direction} NULLS LAST" for at, metric in enumerate(plan.metrics) if metric.direction]
    return ", ".join([*(told or ["counted DESC"]), *(f"{group} NULLS LAST" for group in groups)])


def _item(plan: AggregatePlan, row: Sequence[Any]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    groups = {group.name: _group_value(group, value) for group, value in zip(plan.groups, row, strict=False)}
    values = row[len(plan.groups) : len(plan.groups) + len(plan.metrics)]
    return groups, [(metric.name, _value(metric, value)) for metric, value in zip(plan.metrics, values, strict=True)]


def _group_value(group: Grouping, value: Any) -> Any:
    kind = group.columns[0][1].type if group.columns else "string"
    match group:
        case Ranges(ranges=ranges):
            bounds = zip(("startValue", "endValue"), ranges[value], strict=True)
            return {name: plain(kind, bound) for name, bound in bounds if bound is not None}
        case FixedWidth():
            return int(value)
        case Exact(default=str(default)) if value is None:
            return default
        case Duration() if kind == "timestamp" and not hasattr(value, "hour"):
            return f"{value.isoformat()}T00:00:00Z"
        case Exact() if value == 0 and isinstance(value, float):
            return 0.0  # the group of 0.0 and -0.0
        case _:
            return plain(kind, value)


def _value(metric: Metric, value: Any) -> Any:
    kind = metric.columns[0][1].type if metric.columns else "long"
    if metric.kind in ("min", "max"):
        return plain(kind, value) if kind not in ("long", "integer") else value
    if metric.kind == "sum" and kind == "decimal":
        return plain(kind, value)
    return plain("integer", value) if isinstance(value, float) else value
