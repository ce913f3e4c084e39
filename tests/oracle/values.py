"""The oracle's tests of one value: every filter operator in plain Python. None is SQL's unknown."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, permutations, product
from typing import Any
from zoneinfo import ZoneInfo

ASIAN = r"가-힣ㄱ-ㆎ一-鿿ぁ-ゖァ-ヺー"
METERS = {
    "MILLIMETERS": 0.001, "CENTIMETERS": 0.01, "METERS": 1, "KILOMETERS": 1000, "INCHES": 0.0254, "FEET": 0.3048, "YARDS": 0.9144,
    "MILES": 1609.344, "NAUTICAL_MILES": 1852,
}  # fmt: skip
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
}  # fmt: skip


def parse(kind: str, raw: Any) -> Any:
    """A JSON value as Python has it."""
    match kind:
        case "long":
            return int(raw)
        case "decimal":
            return Decimal(str(raw))
        case "date":
            return date.fromisoformat(raw)
        case "timestamp":
            moment = datetime.fromisoformat(raw)
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return raw


def leaf(form: dict[str, Any], kind: str, of: str | None, held: Any, now: datetime) -> bool | None:
    """One test of one value."""
    name = form["type"]
    if name == "isNull":
        return (held is None) is form.get("value", True)
    if name == "in" and not form["value"]:
        return True
    if held is None:
        return None
    if name in COMPARE:
        return COMPARE[name](held, parse(kind, form["value"]))
    if name == "in":
        return any(held == parse(kind, raw) for raw in form["value"])
    if name == "contains":
        return any(item is not None and item == parse(of or "", form["value"]) for item in held)
    if name == "relativeDateRange":
        return relative(form, held, now)
    if kind == "geopoint":
        return place(form, held)
    texts = [text for text in held if text is not None] if kind == "array" else [held]
    return any(text_test(form, text) for text in texts)


def words(text: str) -> list[str]:
    lowered = "".join("i" if char == "İ" else char.lower() for char in text)
    kept = "".join(char if char == "_" or unicodedata.category(char)[0] in "LNM" else " " for char in lowered)
    return re.findall(rf"[{ASIAN}]+|[^ {ASIAN}]+", kept)


def has(word: str, term: str, *, prefix: bool = False) -> bool:
    if re.match(rf"[{ASIAN}]", term):
        return term in word
    return word.startswith(term) if prefix else word == term


def text_test(form: dict[str, Any], text: str) -> bool:
    name, asked = form["type"], words(form.get("value") or "")
    found = words(text)
    match name:
        case "regex":
            return re.fullmatch(form["value"], text, re.DOTALL | re.ASCII) is not None
        case "wildcard":
            return wild(form["value"], text)
        case "containsAllTerms" | "containsAnyTerm":
            hits = [
                any(has(word, term) or (bool(form.get("fuzzy")) and edits(word, term) <= forgiven(term)) for word in found)
                for term in asked
            ]
            return bool(hits) and (all(hits) if name == "containsAllTerms" else any(hits))
        case "interval":
            return bool(spans(form["rule"], found))
    last = len(asked) - 1
    return bool(asked) and any(
        all(has(found[at + step], term, prefix=step == last and name != "containsAllTermsInOrder") for step, term in enumerate(asked))
        for at in range(len(found) - last)
    )


def forgiven(term: str) -> int:
    return 0 if len(term) < 3 else 1 if len(term) < 6 else 2


def edits(a: str, b: str) -> int:
    """Optimal string alignment, by definition."""
    if not a or not b:
        return len(a) + len(b)
    if len(a) > 8 and abs(len(a) - len(b)) > 2:
        return 99
    ways = [edits_known(a[:-1], b) + 1, edits_known(a, b[:-1]) + 1, edits_known(a[:-1], b[:-1]) + (a[-1] != b[-1])]
    if len(a) > 1 and len(b) > 1 and a[-1] == b[-2] and a[-2] == b[-1]:
        ways.append(edits_known(a[:-2], b[:-2]) + 1)
    return min(ways)


_EDITS: dict[tuple[str, str], int] = {}


def edits_known(a: str, b: str) -> int:
    if (a, b) not in _EDITS:
        _EDITS[a, b] = edits(a, b)
    return _EDITS[a, b]


def wild(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(wild(pattern[1:], text[at:]) for at in range(len(text) + 1))
    if pattern[0] == "\\" and len(pattern) > 1:
        return text[:1] == pattern[1] and wild(pattern[2:], text[1:])
    return bool(text) and (pattern[0] in ("?", text[0])) and wild(pattern[1:], text[1:])


def spans(rule: dict[str, Any], found: list[str]) -> set[frozenset[int]]:
    """Every set of word positions that fits a rule."""
    match rule["type"]:
        case "fuzzy":
            (term,) = words(rule["term"])
            return {frozenset([at]) for at, word in enumerate(found) if edits(word, term) <= rule.get("fuzziness", 2)}
        case "anyOf":
            return {span for part in rule["rules"] for span in spans(part, found)}
        case "allOf":
            return _together([spans(part, found) for part in rule["rules"]], rule.get("maxGaps"), rule["ordered"])
    asked = words(rule["query"])
    prefix = rule["type"] == "prefixOnLastToken"
    parts = [
        {frozenset([at]) for at, word in enumerate(found) if has(word, term, prefix=prefix and step == len(asked) - 1)}
        for step, term in enumerate(asked)
    ]
    return _together(parts, rule.get("maxGaps"), rule.get("ordered", True))


def _together(parts: list[set[frozenset[int]]], max_gaps: int | None, ordered: bool) -> set[frozenset[int]]:
    fitting: set[frozenset[int]] = set()
    if not parts:
        return fitting
    for choice in product(*parts):
        for order in [choice] if ordered else permutations(choice):
            if all(max(a) < min(b) for a, b in pairwise(order)):
                used: frozenset[int] = frozenset().union(*choice)
                # a part's own gaps count as the part's, not as gaps between parts
                covered = sum(max(part) - min(part) + 1 for part in choice)
                free = max(used) - min(used) + 1 - covered + sum(max(part) - min(part) + 1 - len(part) for part in choice)
                if max_gaps is None or free <= max_gaps:
                    fitting.add(used)
    return fitting


def place(form: dict[str, Any], held: dict[str, float]) -> bool:
    x, y = held["longitude"], held["latitude"]
    name = form["type"]
    if name == "withinDistanceOf":
        cx, cy = form["value"]["center"]["coordinates"]
        distance = form["value"]["distance"]
        return arc(x, y, cx, cy) <= distance["value"] * METERS[distance["unit"]]
    shape = form["geometry"] if name == "geoShapeV2" else form["value"]
    inside = in_box(shape, x, y) if "topLeft" in shape else in_polygon(shape["coordinates"], x, y)
    negative = name.startswith("doesNot") or form.get("spatialFilterMode") == "DISJOINT"
    return inside != negative


def arc(x1: float, y1: float, x2: float, y2: float) -> float:
    """By the spherical law in vector form, which is good at every distance."""
    a, b, c, d = (math.radians(angle) for angle in (y1, y2, x1, x2))
    across = math.hypot(math.cos(b) * math.sin(d - c), math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b) * math.cos(d - c))
    return 6_371_008.8 * math.atan2(across, math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(d - c))


def in_box(box: dict[str, Any], x: float, y: float) -> bool:
    (west, north), (east, south) = box["topLeft"]["coordinates"], box["bottomRight"]["coordinates"]
    return south <= y <= north and (west <= x <= east if west <= east else x >= west or x <= east)


def in_polygon(rings: list[list[list[float]]], x: float, y: float) -> bool:
    """In the outline or on it, and in no hole but on its edge."""
    outline, *holes = (in_ring(ring, Fraction(x), Fraction(y)) for ring in rings)
    return outline is not False and all(hole is not True for hole in holes)


def in_ring(ring: list[list[float]], px: Fraction, py: Fraction) -> bool | None:
    """Exact, in fractions; None is on the ring."""
    odd = False
    for (ax, ay), (bx, by) in pairwise(ring):
        x1, y1, x2, y2 = Fraction(ax), Fraction(ay), Fraction(bx), Fraction(by)
        on_line = (x2 - x1) * (py - y1) == (px - x1) * (y2 - y1)
        if on_line and min(x1, x2) <= px <= max(x1, x2) and min(y1, y2) <= py <= max(y1, y2):
            return None
        if (y1 <= py < y2 or y2 <= py < y1) and x1 + (py - y1) * (x2 - x1) / (y2 - y1) > px:
            odd = not odd
    return odd


def relative(form: dict[str, Any], held: Any, now: datetime) -> bool:
    zone = ZoneInfo(form["timeZoneId"])
    today = now.astimezone(zone).date()

    def bound(said: dict[str, Any] | None) -> Any:
        if said is None:
            return None
        value, unit = said["value"], said["timeUnit"]
        if unit == "DAY":
            day = today + timedelta(value)
        elif unit == "WEEK":
            day = today - timedelta(today.isoweekday() - 1) + timedelta(7 * value)
        elif unit == "MONTH":
            months = today.year * 12 + today.month - 1 + value
            day = date(months // 12, months % 12 + 1, 1)
        else:
            day = date(today.year + value, 1, 1)
        if not isinstance(held, datetime):
            return day
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).replace(tzinfo=None)

    start, end = bound(form.get("relativeStartTime")), bound(form.get("relativeEndTime"))
    return (start is None or held >= start) and (end is None or held < end)


def combined(kind: str, results: Iterable[bool | None]) -> bool | None:
    """`and` and `or` over SQL's three values."""
    found = list(results)
    deciding = kind == "or"
    return deciding if deciding in found else None if None in found else not deciding
