"""Metrics and groups, of an object type and of a set, against sums in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from statistics import mean, median
from typing import Any

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.oracle import Row, of
from tests.conformance.sets import in_language

OBJECTS, SETS = "OntologyObject.aggregate", "OntologyObjectSet.aggregate"


def groups(
    asking: Asking, metrics: list[Any], group_by: list[Any], kind: str = "book", **more: Any
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The answer by the values of its groups; the metrics of each by name."""
    answer = asking.objects().aggregate(ONTOLOGY, kind, aggregation=metrics, group_by=group_by, **more)
    same(answer.accuracy, "ACCURATE")
    return {tuple(map(frozen, one.group.values())): {metric.name: metric.value for metric in one.metrics} for one in answer.data}


def frozen(value: Any) -> Any:
    """A group's value as a key of a dict: a range is told by its two ends."""
    return (value["startValue"], value["endValue"]) if isinstance(value, dict) else value


def one(asking: Asking, metric: Any, **more: Any) -> Any:
    """The one value of one metric without groups."""
    (found,) = groups(asking, [metric], [], **more).values()
    (value,) = found.values()
    return value


def close(found: Any, expected: Any) -> None:
    assert abs(float(found) - float(expected)) <= 1e-9 * max(1.0, abs(float(expected))), (found, expected)


def present(field: str, kind: str = "book") -> list[Any]:
    return [row[field] for row in of(kind) if row[field] is not None]


@case(OBJECTS, "metric: count")
def objects_are_counted(asking: Asking) -> None:
    same(one(asking, m.CountAggregationV2()), 60)
    same(one(asking, m.CountAggregationV2(), where=m.EqualsQueryV2(field="language", value="ko")), 20)


@case(OBJECTS, "metric: sum", "metric: avg", "metric: min", "metric: max")
def numbers_are_summed_up(asking: Asking) -> None:
    for field in ("pages", "weight", "price"):
        close(one(asking, m.SumAggregationV2(field=field)), sum(present(field)))
        close(one(asking, m.AvgAggregationV2(field=field)), mean(map(float, present(field))))
        close(one(asking, m.MinAggregationV2(field=field)), min(present(field)))
        close(one(asking, m.MaxAggregationV2(field=field)), max(present(field)))
    same(one(asking, m.MinAggregationV2(field="printed_on")), min(present("printed_on")).isoformat())
    same(int(one(asking, m.SumAggregationV2(field="words"))), sum(present("words")))


@case(OBJECTS, "metric: exactDistinct", "metric: approximateDistinct")
def different_values_are_counted(asking: Asking) -> None:
    for field in ("title", "branch_id", "pages"):
        same(one(asking, m.ExactDistinctAggregationV2(field=field)), len(set(present(field))))
        same(one(asking, m.ApproximateDistinctAggregationV2(field=field)), len(set(present(field))))


@case(OBJECTS, "metric: approximatePercentile")
def a_percentile_is_found(asking: Asking) -> None:
    close(one(asking, m.ApproximatePercentileAggregationV2(field="pages", approximate_percentile=50)), median(present("pages")))
    close(one(asking, m.ApproximatePercentileAggregationV2(field="pages", approximate_percentile=100)), max(present("pages")))


def counted(keys: Iterable[Any]) -> dict[tuple[Any, ...], dict[str, int]]:
    found: dict[tuple[Any, ...], dict[str, int]] = {}
    for key in keys:
        found.setdefault(key if isinstance(key, tuple) else (key,), {"count": 0})["count"] += 1
    return found


@case(OBJECTS, "group: exact")
def objects_are_grouped_by_value(asking: Asking) -> None:
    count = [m.CountAggregationV2()]
    by = m.AggregationExactGroupingV2
    same(groups(asking, count, [by(field="language")]), counted(present("language")))
    two = groups(asking, count, [by(field="language"), by(field="branch_id")])
    same(two, counted((row["language"], row["branch_id"]) for row in of("book")))
    answer = asking.objects().aggregate(ONTOLOGY, "book", aggregation=count, group_by=[by(field="lent")])
    same(
        {one.group["lent"]: one.metrics[0].value for one in answer.data},
        {key[0]: value["count"] for key, value in counted(present("lent")).items()},
    )
    same(answer.excluded_items, sum(row["lent"] is None for row in of("book")))
    most = asking.objects().aggregate(ONTOLOGY, "book", aggregation=count, group_by=[by(field="language", max_group_count=1)])
    same((len(most.data), most.excluded_items, most.accuracy), (1, 40, "APPROXIMATE"))
    nulls = groups(asking, count, [by(field="lent", include_null_values=True)])
    same(nulls, counted(row["lent"] for row in of("book")))
    named = groups(asking, count, [by(field="cover", default_value="none")])
    same(named[("none",)]["count"], sum(row["cover"] is None for row in of("book")))


@case(OBJECTS, "group: fixedWidth")
def objects_are_grouped_by_width(asking: Asking) -> None:
    found = groups(asking, [m.CountAggregationV2()], [m.AggregationFixedWidthGroupingV2(field="pages", fixed_width=100)])
    same(
        {float(key[0]): value for key, value in found.items()},
        {float(k[0]): v for k, v in counted(n // 100 * 100 for n in present("pages")).items()},
    )


@case(OBJECTS, "group: ranges")
def objects_are_grouped_by_ranges(asking: Asking) -> None:
    bounds = [(0, 300), (300, 600), (250, 350)]
    ranges = [m.AggregationRangeV2(start_value=low, end_value=high) for low, high in bounds]
    found = groups(asking, [m.CountAggregationV2()], [m.AggregationRangesGroupingV2(field="pages", ranges=ranges)])
    told = {(float(low), float(high)): value["count"] for ((low, high),), value in found.items()}
    same(told, {(float(a), float(b)): sum(a <= n < b for n in present("pages")) for a, b in bounds})


@case(OBJECTS, "group: duration")
def objects_are_grouped_by_time(asking: Asking) -> None:
    count = [m.CountAggregationV2()]
    day = lambda moment: date(moment.year, moment.month, moment.day)  # noqa: E731
    for unit, value, start in (
        ("YEARS", 1, lambda day: date(day.year, 1, 1)),
        ("QUARTERS", 1, lambda day: date(day.year, (day.month - 1) // 3 * 3 + 1, 1)),
        ("MONTHS", 1, lambda day: date(day.year, day.month, 1)),
        ("WEEKS", 1, lambda day: day - timedelta(days=day.weekday())),
        ("DAYS", 1, lambda day: day),
    ):
        form = m.AggregationDurationGroupingV2(field="printed_on", value=value, unit=unit)
        same(groups(asking, count, [form]), counted(start(moment).isoformat() for moment in present("printed_on")))
        form = m.AggregationDurationGroupingV2(field="added_at", value=value, unit=unit)
        same(groups(asking, count, [form]), counted(f"{start(day(moment))}T00:00:00Z" for moment in present("added_at")))
    hours: Callable[[datetime], str] = lambda moment: f"{moment:%Y-%m-%dT}{moment.hour // 6 * 6:02d}:00:00Z"  # noqa: E731
    form = m.AggregationDurationGroupingV2(field="added_at", value=6, unit="HOURS")
    same(groups(asking, count, [form]), counted(map(hours, present("added_at"))))


@case(OBJECTS, "where", "metrics with names", "ordered by a metric", "accuracy")
def an_aggregate_is_asked_in_every_way(asking: Asking) -> None:
    metrics = [m.SumAggregationV2(field="pages", name="pages", direction="DESC"), m.CountAggregationV2(name="books")]
    where = m.EqualsQueryV2(field="access", value="staff")
    by = [m.AggregationExactGroupingV2(field="branch_id")]
    found = groups(asking, metrics, by, where=where, accuracy="REQUIRE_ACCURATE")
    staff: dict[tuple[Any, ...], list[Row]] = {}
    for row in of("book", lambda row: row["access"] == "staff"):
        staff.setdefault((row["branch_id"],), []).append(row)
    expected = {key: {"pages": sum(row["pages"] or 0 for row in rows), "books": len(rows)} for key, rows in staff.items()}
    same(found, expected)
    same(list(found), sorted(expected, key=lambda key: -expected[key]["pages"]))


@case(SETS, "metric: count", "metric: sum", "metric: avg", "metric: min", "metric: max", "metric: exactDistinct")
@case(SETS, "metric: approximateDistinct", "metric: approximatePercentile", "group: exact")
def a_set_is_aggregated(asking: Asking) -> None:
    metrics = [
        m.CountAggregationV2(name="count"),
        m.SumAggregationV2(field="pages", name="sum"),
        m.AvgAggregationV2(field="pages", name="avg"),
        m.MinAggregationV2(field="pages", name="min"),
        m.MaxAggregationV2(field="pages", name="max"),
        m.ExactDistinctAggregationV2(field="pages", name="exact"),
        m.ApproximateDistinctAggregationV2(field="pages", name="approximate"),
        m.ApproximatePercentileAggregationV2(field="pages", approximate_percentile=50, name="median"),
    ]
    by = [m.AggregationExactGroupingV2(field="branch_id")]
    answer = asking.sets().aggregate(ONTOLOGY, aggregation=metrics, group_by=by, object_set=in_language("ko", "de"))
    found = {one.group["branch_id"]: {metric.name: metric.value for metric in one.metrics} for one in answer.data}
    for branch in {row["branch_id"] for row in of("book", lambda row: row["language"] != "en")}:
        rows = of("book", lambda row, b=branch: row["language"] != "en" and row["branch_id"] == b)
        pages = [row["pages"] for row in rows if row["pages"] is not None]
        same(found[branch]["count"], len(rows))
        for name, value in (("sum", sum(pages)), ("avg", mean(pages)), ("min", min(pages)), ("max", max(pages)), ("median", median(pages))):
            close(found[branch][name], value)
        same((found[branch]["exact"], found[branch]["approximate"]), (len(set(pages)), len(set(pages))))
    same(set(found), {row["branch_id"] for row in of("book", lambda row: row["language"] != "en")})


@case(SETS, "group: fixedWidth", "group: ranges", "group: duration")
def a_set_is_grouped(asking: Asking) -> None:
    every = m.ObjectSetBaseType(object_type="book")
    for by in (
        m.AggregationFixedWidthGroupingV2(field="pages", fixed_width=200),
        m.AggregationRangesGroupingV2(field="pages", ranges=[m.AggregationRangeV2(start_value=0, end_value=500)]),
        m.AggregationDurationGroupingV2(field="printed_on", value=1, unit="YEARS"),
    ):
        count = [m.CountAggregationV2()]
        of_set = asking.sets().aggregate(ONTOLOGY, aggregation=count, group_by=[by], object_set=every)
        of_type = asking.objects().aggregate(ONTOLOGY, "book", aggregation=count, group_by=[by])
        same(of_set, of_type)
