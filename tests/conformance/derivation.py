"""Properties derived by the question itself: selected from the objects around each object, or computed."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any

from tests.conformance.cases import Asking, case, m, same
from tests.conformance.oracle import linked, of
from tests.conformance.sets import base, search_around
from tests.conformance.world import Row

LOAD = "OntologyObjectSet.load"
METHOD = m.ObjectSetMethodInputType()


def selection(link: str, operation: Any) -> Any:
    return m.SelectedPropertyExpression(object_set=search_around(METHOD, link), operation=operation)


def own(name: str) -> Any:
    return m.PropertyApiNameSelector(api_name=name)


def gives(asking: Asking, kind: str, definition: Any, expected: Callable[[Row], Any], *, close: bool = False) -> None:
    """Every object has the value that the function says, or none where it says None. A count is a long, and so told as text."""
    derived = m.ObjectSetWithPropertiesType(object_set=base(kind), derived_properties={"made": definition})
    page = asking.load(derived)
    same(len(page.data), len(of(kind)))
    for row, object_ in zip(of(kind), page.data, strict=True):
        wanted, found = expected(row), object_.get("made")
        if close and wanted is not None and found is not None:
            assert abs(float(found) - float(wanted)) <= 1e-9 * max(1.0, abs(float(wanted))), (row, found, wanted)
        else:
            same(found, wanted)


@case(LOAD, "set: withProperties", "set: methodInput", "derived: selection", "selected: count")
def linked_objects_are_counted(asking: Asking) -> None:
    gives(asking, "book", selection("loans", m.SelectedPropertyCountAggregation()), lambda row: str(len(linked("book", "loans", row))))


def numbers(row: Row, link: str, field: str, kind: str = "branch") -> list[Any]:
    return [other[field] for other in linked(kind, link, row) if other[field] is not None]


@case(LOAD, "selected: sum", "selected: avg", "selected: min", "selected: max")
def linked_numbers_are_summed_up(asking: Asking) -> None:
    for form, summed in (
        (m.SelectedPropertySumAggregation, sum),
        (m.SelectedPropertyAvgAggregation, mean),
        (m.SelectedPropertyMinAggregation, min),
        (m.SelectedPropertyMaxAggregation, max),
    ):
        operation = form(selected_property_api_name="pages")
        gives(
            asking,
            "branch",
            selection("books", operation),
            lambda row, f=summed: f(found) if (found := numbers(row, "books", "pages")) else None,
            close=True,
        )


@case(LOAD, "selected: exactDistinct", "selected: approximateDistinct")
def different_linked_values_are_counted(asking: Asking) -> None:
    for form in (m.SelectedPropertyExactDistinctAggregation, m.SelectedPropertyApproximateDistinctAggregation):
        operation = form(selected_property_api_name="title")
        gives(asking, "branch", selection("books", operation), lambda row: str(len(set(numbers(row, "books", "title")))))


@case(LOAD, "selected: approximatePercentile")
def a_percentile_of_linked_values(asking: Asking) -> None:
    operation = m.SelectedPropertyApproximatePercentileAggregation(selected_property_api_name="minutes", approximate_percentile=100)
    gives(asking, "branch", selection("films", operation), lambda row: max(numbers(row, "films", "minutes"), default=None), close=True)


@case(LOAD, "selected: collectList", "selected: collectSet")
def linked_values_are_collected(asking: Asking) -> None:
    listed = selection("films", m.SelectedPropertyCollectListAggregation(selected_property_api_name="minutes", limit=100))
    gives(asking, "branch", listed, lambda row: numbers(row, "films", "minutes") or None)
    derived = {"made": selection("books", m.SelectedPropertyCollectSetAggregation(selected_property_api_name="language", limit=100))}
    page = asking.load(m.ObjectSetWithPropertiesType(object_set=base("branch"), derived_properties=derived))
    same([sorted(row.get("made", ())) for row in page.data], [sorted(set(numbers(row, "books", "language"))) for row in of("branch")])


@case(LOAD, "selected: get")
def the_value_of_the_one_linked_object(asking: Asking) -> None:
    operation = m.GetSelectedPropertyOperation(selected_property_api_name="name")
    gives(asking, "book", selection("branch", operation), lambda row: linked("book", "branch", row)[0]["name"])


@case(
    LOAD,
    "derived: property",
    "derived: add",
    "derived: subtract",
    "derived: multiply",
    "derived: divide",
    "derived: negate",
    "derived: absoluteValue",
)
def values_are_computed(asking: Asking) -> None:
    pages, weight = own("pages"), own("weight")

    def of_both(compute: Callable[[float, float], float | None]) -> Callable[[Row], Any]:
        return lambda row: None if row["pages"] is None or row["weight"] is None else compute(row["pages"], row["weight"])

    for form, compute in (
        (m.AddPropertyExpression(properties=[pages, weight]), lambda a, b: a + b),
        (m.SubtractPropertyExpression(left=weight, right=pages), lambda a, b: b - a),
        (m.MultiplyPropertyExpression(properties=[pages, weight]), lambda a, b: a * b),
        (m.DividePropertyExpression(left=pages, right=weight), lambda a, b: a / b),
        (m.AbsoluteValuePropertyExpression(property=m.SubtractPropertyExpression(left=weight, right=pages)), lambda a, b: abs(b - a)),
        (m.NegatePropertyExpression(property=m.AddPropertyExpression(properties=[pages, weight])), lambda a, b: -(a + b)),
    ):
        gives(asking, "book", form, of_both(compute), close=True)


@case(LOAD, "derived: least", "derived: greatest")
def the_least_and_the_greatest_leave_out_what_is_missing(asking: Asking) -> None:
    both = [own("pages"), own("loans_made")]
    present = lambda row: [row[name] for name in ("pages", "loans_made") if row[name] is not None]  # noqa: E731  # said twice below
    gives(asking, "book", m.LeastPropertyExpression(properties=both), lambda row: min(present(row)), close=True)
    gives(asking, "book", m.GreatestPropertyExpression(properties=both), lambda row: max(present(row)), close=True)


@case(LOAD, "derived: extract")
def a_part_of_a_date(asking: Asking) -> None:
    for part, take in (
        ("DAYS", lambda day: day.day),
        ("MONTHS", lambda day: day.month),
        ("QUARTERS", lambda day: (day.month + 2) // 3),
        ("YEARS", lambda day: day.year),
    ):
        form = m.ExtractPropertyExpression(property=own("printed_on"), part=part)
        gives(asking, "book", form, lambda row, t=take: t(row["printed_on"]), close=True)
