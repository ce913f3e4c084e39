"""Every operator of a search, each against the rows filtered in plain Python, and every way to say which property is meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from typing import Any

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.oracle import Keep, keys, of
from tests.conformance.world import Row

SEARCH = "OntologyObject.search"
SEOUL = (126.978, 37.5665)
KOREA = [[126.0, 34.0], [130.0, 34.0], [130.0, 38.5], [126.0, 38.5], [126.0, 34.0]]


def finds(asking: Asking, kind: str, where: Any, keep: Keep) -> None:
    """What the server finds is what the test keeps, and that is neither nothing nor everything."""
    expected = keys(kind, of(kind, keep))
    assert 0 < len(expected) < len(of(kind)), "this case cannot tell right from wrong"
    page = asking.objects().search(ONTOLOGY, kind, where=where, select=[])
    same([row["__primaryKey"] for row in page.data], expected)
    same(page.total_count, len(expected))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def follow(text: str, asked: str, *, prefix: bool = False) -> bool:
    """Whether the asked words stand next to each other in a text; of the last one, perhaps only the beginning."""
    found, wanted = words(text), words(asked)
    for start in range(len(found) - len(wanted) + 1):
        here = found[start : start + len(wanted)]
        if here[:-1] == wanted[:-1] and (here[-1].startswith(wanted[-1]) if prefix else here[-1] == wanted[-1]):
            return True
    return False


def kilometers(place: Row) -> float:
    """The great circle from Seoul."""
    (x, y), (u, v) = map(radians, SEOUL), map(radians, (place["longitude"], place["latitude"]))
    half = sin((v - y) / 2) ** 2 + cos(y) * cos(v) * sin((u - x) / 2) ** 2
    return 2 * 6371.0088 * asin(sqrt(half))


def in_korea(row: Row) -> bool:
    return row["place"] is not None and 126 <= row["place"]["longitude"] <= 130 and 34 <= row["place"]["latitude"] <= 38.5


VALUES: dict[str, tuple[Any, Any]] = {
    "string": ("title", "quiet histories 3"),
    "integer": ("pages", 300),
    "long": ("words", "50000"),
    "double": ("weight", 1.25),
    "decimal": ("price", "40.00"),
    "date": ("printed_on", "1996-07-01"),
    "timestamp": ("added_at", "2023-10-01T12:00:00Z"),
}
TYPED: dict[str, Callable[[Any], Any]] = {
    "long": int,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": lambda text: datetime.fromisoformat(text).replace(tzinfo=None),
}
COMPARISONS: dict[str, tuple[Any, Callable[[Any, Any], bool]]] = {
    "lt": (m.LtQueryV2, lambda a, b: a < b),
    "lte": (m.LteQueryV2, lambda a, b: a <= b),
    "gt": (m.GtQueryV2, lambda a, b: a > b),
    "gte": (m.GteQueryV2, lambda a, b: a >= b),
}


def _compared(asking: Asking, name: str) -> None:
    form, holds = COMPARISONS[name]
    for kind, (field, raw) in VALUES.items():
        bound = TYPED.get(kind, lambda value: value)(raw)
        finds(asking, "book", form(field=field, value=raw), lambda row, f=field, b=bound: row[f] is not None and holds(row[f], b))


for _name in COMPARISONS:
    case(SEARCH, f"where: {_name}")(partial(_compared, name=_name))


@case(SEARCH, "where: eq")
def equal_values_are_found_of_every_type(asking: Asking) -> None:
    row = of("book", lambda row: all(row[name] is not None for name in ("pages", "weight", "added_at", "lent", "cover")))[3]
    told = {"words": str(row["words"]), "price": str(row["price"]), "printed_on": row["printed_on"].isoformat(), "cover": row["cover"]}
    told |= {"added_at": row["added_at"].isoformat() + "Z", "lent": row["lent"], "access": row["access"], "book_id": row["book_id"]}
    for field in ("title", "pages", "weight", *told):
        where = m.EqualsQueryV2(field=field, value=told.get(field, row[field]))
        finds(asking, "book", where, lambda other, f=field: other[f] == row[f])


@case(SEARCH, "where: in")
def any_of_a_list_is_found(asking: Asking) -> None:
    finds(asking, "book", m.InQuery(field="language", value=["ko", "de", "fr"]), lambda row: row["language"] in ("ko", "de"))
    finds(asking, "book", m.InQuery(field="price", value=[str(row["price"]) for row in of("book")[:3]]),
          lambda row: row["price"] in [other["price"] for other in of("book")[:3]])  # fmt: skip


@case(SEARCH, "where: isNull")
def missing_values_are_found(asking: Asking) -> None:
    for field in ("pages", "subjects", "size", "added_at", "cover"):
        finds(asking, "book", m.IsNullQueryV2(field=field, value=True), lambda row, f=field: row[f] is None)
        finds(asking, "book", m.IsNullQueryV2(field=field, value=False), lambda row, f=field: row[f] is not None)


@case(SEARCH, "where: and", "where: or", "where: not")
def tests_are_combined(asking: Asking) -> None:
    long, korean = m.GtQueryV2(field="pages", value=400), m.EqualsQueryV2(field="language", value="ko")
    finds(asking, "book", m.AndQueryV2(value=[long, korean]), lambda row: (row["pages"] or 0) > 400 and row["language"] == "ko")
    finds(asking, "book", m.OrQueryV2(value=[long, korean]), lambda row: (row["pages"] or 0) > 400 or row["language"] == "ko")
    finds(asking, "book", m.NotQueryV2(value=korean), lambda row: row["language"] != "ko")
    finds(asking, "book", m.NotQueryV2(value=long), lambda row: row["pages"] is not None and row["pages"] <= 400)


@case(SEARCH, "where: contains")
def an_element_of_a_list_is_found(asking: Asking) -> None:
    finds(asking, "book", m.ContainsQueryV2(field="subjects", value="건축"), lambda row: "건축" in (row["subjects"] or ()))


@case(SEARCH, "where: containsAllTerms", "where: containsAnyTerm")
def terms_are_found_in_any_order(asking: Asking) -> None:
    finds(
        asking, "book", m.ContainsAllTermsQuery(field="title", value="SEA, quiet"), lambda row: {"sea", "quiet"} <= set(words(row["title"]))
    )
    any_of = m.ContainsAnyTermQuery(field="title", value="histories 도서관")
    finds(asking, "book", any_of, lambda row: bool({"histories", "도서관"} & set(words(row["title"]))))
    fuzzy = m.ContainsAllTermsQuery(field="title", value="histories", fuzzy=True)
    finds(asking, "book", fuzzy, lambda row: "histories" in words(row["title"]))
    misspelt = m.ContainsAnyTermQuery(field="title", value="numbars", fuzzy=True)
    finds(asking, "book", misspelt, lambda row: "numbers" in words(row["title"]))


@case(SEARCH, "where: containsAllTermsInOrder")
def terms_are_found_one_after_the_other(asking: Asking) -> None:
    for text in ("quiet sea", "sea of numbers", "The QUIET"):
        finds(asking, "book", m.ContainsAllTermsInOrderQuery(field="title", value=text), lambda row, t=text: follow(row["title"], t))


@case(SEARCH, "where: containsAllTermsInOrderPrefixLastTerm", "where: startsWith")
def the_last_term_may_be_a_beginning(asking: Asking) -> None:
    for text in ("quiet hist", "sea of n", "The qui"):
        keep = partial(lambda row, text: follow(row["title"], text, prefix=True), text=text)
        finds(asking, "book", m.ContainsAllTermsInOrderPrefixLastTerm(field="title", value=text), keep)
        finds(asking, "book", m.StartsWithQuery(field="title", value=text), keep)


@case(SEARCH, "where: wildcard")
def a_pattern_with_wildcards_is_found(asking: Asking) -> None:
    finds(
        asking,
        "book",
        m.WildcardQuery(field="isbn", value="97800000000?5"),
        lambda row: row["isbn"][11:] in ("05", "15", "25", "35", "45", "55"),
    )
    finds(asking, "book", m.WildcardQuery(field="book_id", value="bk-*7"), lambda row: row["book_id"].endswith("7"))


@case(SEARCH, "where: regex")
def a_pattern_is_found(asking: Asking) -> None:
    finds(
        asking,
        "book",
        m.RegexQuery(field="book_id", value="bk-0[1-3][05]"),
        lambda row: re.fullmatch("bk-0[1-3][05]", row["book_id"]) is not None,
    )


@case(
    SEARCH,
    "where: interval match",
    "where: interval allOf",
    "where: interval anyOf",
    "where: interval prefixOnLastToken",
    "where: interval fuzzy",
)
def words_are_found_by_rules(asking: Asking) -> None:
    def test(rule: Any, keep: Callable[[list[str]], bool]) -> None:
        finds(asking, "book", m.IntervalQuery(field="title", rule=rule), lambda row: keep(words(row["title"])))

    near = m.MatchRule(query="sea numbers", max_gaps=1, ordered=True)
    test(near, lambda found: any(found[n : n + 3] == ["sea", "of", "numbers"] for n in range(len(found))))
    test(m.MatchRule(query="sea quiet", ordered=False), lambda found: {"sea", "quiet"} <= set(found))
    prefix = m.PrefixOnLastTokenRule(query="quiet hist")
    test(prefix, lambda found: any(a == "quiet" and b.startswith("hist") for a, b in pairwise(found)))
    test(m.FuzzyRule(term="numbars", fuzziness=1), lambda found: "numbers" in found)
    test(m.AnyOfRule(rules=[near, prefix]), lambda found: found[:4] == ["a", "sea", "of", "numbers"] or found[:2] == ["quiet", "histories"])
    both = m.AllOfRule(rules=[m.MatchRule(query="history", ordered=True), m.MatchRule(query="sea", ordered=True)], ordered=True, max_gaps=5)
    test(both, lambda found: "history" in found and "sea" in found[found.index("history") :])


@case(SEARCH, "where: relativeDateRange")
def dates_are_found_by_their_distance_from_now(asking: Asking) -> None:
    today = datetime.now(UTC).date()
    since, until = date(1994, 1, 1), date(1999, 7, 1)
    ends = {
        name: m.RelativePointInTime(value=(bound - today).days, time_unit="DAY")
        for name, bound in (("relative_start_time", since), ("relative_end_time", until))
    }
    finds(
        asking,
        "book",
        m.RelativeDateRangeQuery(field="printed_on", time_zone_id="Etc/UTC", **ends),
        lambda row: since <= row["printed_on"] < until,
    )
    later = m.RelativeDateRangeQuery(field="printed_on", time_zone_id="Asia/Seoul", relative_start_time=ends["relative_start_time"])
    finds(asking, "book", later, lambda row: row["printed_on"] >= since)


@case(SEARCH, "where: withinDistanceOf")
def places_are_found_around_a_point(asking: Asking) -> None:
    for unit, value in (("KILOMETERS", 400.0), ("METERS", 20_000.0), ("NAUTICAL_MILES", 4_600.0)):
        center = m.CenterPoint(center={"type": "Point", "coordinates": SEOUL}, distance={"value": value, "unit": unit})
        reach = value * {"KILOMETERS": 1, "METERS": 0.001, "NAUTICAL_MILES": 1.852}[unit]
        where = m.WithinDistanceOfQuery(field="place", value=center)
        finds(asking, "branch", where, lambda row, r=reach: row["place"] is not None and kilometers(row["place"]) <= r)


@case(SEARCH, "where: withinBoundingBox", "where: intersectsBoundingBox", "where: doesNotIntersectBoundingBox")
def places_are_found_in_a_box(asking: Asking) -> None:
    corners = {"topLeft": {"type": "Point", "coordinates": [126, 38.5]}, "bottomRight": {"type": "Point", "coordinates": [130, 34]}}
    box = m.BoundingBoxValue.model_validate(corners)
    for form in (m.WithinBoundingBoxQuery, m.IntersectsBoundingBoxQuery):
        finds(asking, "branch", form(field="place", value=box), in_korea)
    outside = m.DoesNotIntersectBoundingBoxQuery(field="place", value=box)
    finds(asking, "branch", outside, lambda row: row["place"] is not None and not in_korea(row))


@case(SEARCH, "where: withinPolygon", "where: intersectsPolygon", "where: doesNotIntersectPolygon")
def places_are_found_in_a_polygon(asking: Asking) -> None:
    value = {"type": "Polygon", "coordinates": [KOREA]}
    for form in (m.WithinPolygonQuery, m.IntersectsPolygonQuery):
        finds(
            asking, "branch", form.model_validate({"type": form.model_fields["type"].default, "field": "place", "value": value}), in_korea
        )
    outside = m.DoesNotIntersectPolygonQuery.model_validate({"type": "doesNotIntersectPolygon", "field": "place", "value": value})
    finds(asking, "branch", outside, lambda row: row["place"] is not None and not in_korea(row))


@case(SEARCH, "where: geoShapeV2")
def places_are_found_by_a_shape(asking: Asking) -> None:
    text = m.GeoJsonString(geo_json=json.dumps({"type": "Polygon", "coordinates": [KOREA]}))
    for mode in ("INTERSECTS", "WITHIN"):
        finds(asking, "branch", m.GeoShapeV2Query(field="place", geometry=text, spatial_filter_mode=mode), in_korea)
    outside = m.GeoShapeV2Query(field="place", geometry=text, spatial_filter_mode="DISJOINT")
    finds(asking, "branch", outside, lambda row: row["place"] is not None and not in_korea(row))


@case(SEARCH, "propertyIdentifier: property", "propertyIdentifier: structField", "propertyIdentifier: title and key")
def a_property_is_named_in_every_way_there_is(asking: Asking) -> None:
    by_name = m.PropertyApiNameSelector(api_name="pages")
    finds(asking, "book", m.GtQueryV2(property_identifier=by_name, value=500), lambda row: (row["pages"] or 0) > 500)
    width = m.StructFieldSelector(property_api_name="size", struct_field_api_name="width")
    finds(
        asking,
        "book",
        m.LtQueryV2(property_identifier=width, value=20.5),
        lambda row: row["size"] is not None and row["size"]["width"] < 20.5,
    )
    key = m.EqualsQueryV2(property_identifier=m.PrimaryKeyPropertySelector(), value="bk-007")
    finds(asking, "book", key, lambda row: row["book_id"] == "bk-007")
    title = m.ContainsAllTermsQuery(property_identifier=m.TitlePropertySelector(), value="histories")
    finds(asking, "book", title, lambda row: "histories" in words(row["title"]))
