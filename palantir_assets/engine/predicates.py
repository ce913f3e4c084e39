"""A typed filter as a SQL condition: identifiers through `names.quoted`, every value a parameter.

Nulls need no care here: SQL's three values are the semantics that `query.where` promises. The columns of the object type are
those of the table `own`, derived values those of the table `derived`. What SQL cannot say is told by `in_sql`
and evaluated in `filtering`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from palantir_assets.engine.statements import Sql, joined
from palantir_assets.names import literal, quoted
from palantir_assets.ontology.spec import PropertyType
from palantir_assets.query.fields import Column
from palantir_assets.query.forms import Operator
from palantir_assets.query.geometry import EARTH_RADIUS_METERS
from palantir_assets.query.predicates import (
    AnyOf,
    Compare,
    Contains,
    Every,
    InBox,
    InPolygon,
    Interval,
    IsNull,
    Leaf,
    Near,
    Not,
    Nothing,
    OneOf,
    Pattern,
    Phrase,
    Predicate,
    Terms,
    leaves,
)
from palantir_assets.query.terms import RANGES, is_asian

_OPERATORS: Final[dict[Operator, str]] = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_WORD: Final = r"\pL\pN\pM_"
_SQL_TYPES: Final[dict[PropertyType, str]] = {
    "boolean": "BOOLEAN", "integer": "INTEGER", "long": "BIGINT", "double": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip


def in_sql(predicate: Predicate) -> bool:
    """Whether SQL can say all of a filter."""
    return all(_leaf_in_sql(leaf) for leaf in leaves(predicate))


def _leaf_in_sql(leaf: Leaf) -> bool:
    return not (isinstance(leaf, Interval | InPolygon) or (isinstance(leaf, Terms) and leaf.fuzzy))


def reference(column: Column) -> str:
    """A column as it is named in a statement over `own` and `derived`.

    >>> reference(Column("price", "price", "double"))
    'own."price"'
    """
    if column.derived is not None:
        return f"derived.{quoted(column.name)}"
    if column.column is None:
        return f"NULL::{sql_type(column)}"
    own = f"own.{quoted(column.column)}"
    return f"struct_extract({own}, {literal(column.member)})" if column.member is not None else own


def sql_type(column: Column) -> str:
    """The SQL type of a column's values, as far as one must be written."""
    if column.type == "decimal":
        return "DECIMAL({}, {})".format(*(column.digits or (38, 9)))
    if column.type == "array":
        return f"{_SQL_TYPES.get(column.of or 'string', 'VARCHAR')}[]"
    return _SQL_TYPES.get(column.type, "VARCHAR")


def condition(predicate: Predicate) -> Sql:
    """The condition and its parameters, in order.

    >>> condition(Compare(Column("price", "price", "double"), "gt", 3.0))
    Sql(text='own."price" > ?', values=(3.0,))
    """
    match predicate:
        case Not(part):
            inner = condition(part)
            return Sql(f"(NOT {inner.text})", inner.values)
        case Every(parts):
            return joined([condition(part) for part in parts], " AND ", empty="true")
        case AnyOf(parts):
            return joined([condition(part) for part in parts], " OR ", empty="false")
        case Phrase() | Terms() | Pattern():
            return _text_test(predicate)
        case _:
            return _value_test(predicate, reference(predicate.column))


def _value_test(leaf: Leaf, column: str) -> Sql:
    match leaf:
        case Compare(_, op, value):
            return Sql(f"{column} {_OPERATORS[op]} {_parameter(leaf.column)}", (value,))
        case OneOf(_, values):
            return Sql(f"{column} = ANY({_parameter(leaf.column, many=True)})", (list(values),))  # one parameter: a thousand cost seconds
        case IsNull():
            return Sql(f"{column} IS NULL")
        case Nothing():
            return Sql(f"(CASE WHEN {column} IS NOT NULL THEN false END)")
        case Contains(_, value):
            return Sql(f"list_contains({column}, ?)", (value,))
        case Near() | InBox():
            return _place_test(leaf, column)
        case _:
            raise TypeError(f"{type(leaf).__name__} is not said in SQL")


def _parameter(column: Column, *, many: bool = False) -> str:
    """Decimals are told their type, or a comparison would be made in another."""
    return f"?::{sql_type(column)}{'[]' if many else ''}" if column.type == "decimal" else "?"


def _place_test(leaf: Near | InBox, column: str) -> Sql:
    if leaf.column.column is None and leaf.column.derived is None:
        return Sql("NULL::BOOLEAN")
    x, y = f"struct_extract({column}, 'longitude')", f"struct_extract({column}, 'latitude')"
    if isinstance(leaf, InBox):
        across = f"({x} >= ? OR {x} <= ?)" if leaf.west > leaf.east else f"({x} >= ? AND {x} <= ?)"
        return Sql(f"({across} AND {y} >= ? AND {y} <= ?)", (leaf.west, leaf.east, leaf.south, leaf.north))
    half = (
        f"pow(sin((radians({y}) - radians(?::DOUBLE)) / 2), 2) "
        f"+ cos(radians(?::DOUBLE)) * cos(radians({y})) * pow(sin((radians({x}) - radians(?::DOUBLE)) / 2), 2)"
    )
    # least() passes over nulls, and so would find what lies nowhere
    return Sql(
        f"(CASE WHEN {y} IS NOT NULL THEN {2 * EARTH_RADIUS_METERS} * asin(sqrt(least(1.0, {half}))) <= ?::DOUBLE END)",
        (leaf.latitude, leaf.latitude, leaf.longitude, leaf.meters),
    )


def _text_test(leaf: Phrase | Terms | Pattern) -> Sql:
    match leaf:
        case Pattern(kind="regex"):
            return _of_any(leaf.column, lambda x: Sql(f"regexp_full_match({x}, ?, 's')", (leaf.pattern,)))
        case Pattern():
            return _of_any(leaf.column, lambda x: Sql(f"regexp_full_match({x}, ?, 's')", (_wildcard(leaf.pattern),)))
        case Phrase():
            return _of_any(leaf.column, lambda x: _phrase_test(x, leaf.terms, prefix=leaf.prefix))
        case Terms():
            word = " AND " if leaf.every else " OR "
            return _of_any(leaf.column, lambda x: joined([_phrase_test(x, (term,)) for term in leaf.terms], word, empty="false"))


def _of_any(column: Column, test: Callable[[str], Sql]) -> Sql:
    """The test of a text; of an array of texts, whether one element passes."""
    if column.type != "array":
        return test(reference(column))
    inner = test("x")
    return Sql(f"len(list_filter({reference(column)}, lambda x: {inner.text})) > 0", inner.values)


def _phrase_test(text: str, terms: tuple[str, ...], *, prefix: bool = False) -> Sql:
    """A plain search for each term comes first: it is many times faster than a pattern, and mostly decides."""
    found = " AND ".join(f"contains(lower({text}), ?)" for _ in terms)
    return Sql(f"({found} AND regexp_matches(lower({text}), ?))", (*terms, _phrase(terms, prefix=prefix)))


def _phrase(terms: tuple[str, ...], *, prefix: bool) -> str:
    """A pattern for terms one after the other, as `query.terms` splits texts: East Asian ones anywhere in a word."""
    pieces = ["" if is_asian(terms[0]) else f"(?:^|[^{_WORD}]|[{RANGES}])", terms[0]]
    for before, term in pairwise(terms):
        gap = "+" if is_asian(before) == is_asian(term) else "*"
        pieces += [f"[{RANGES}]*" if is_asian(before) else "", f"[^{_WORD}]{gap}", f"[{RANGES}]*" if is_asian(term) else "", term]
    if not is_asian(terms[-1]) and not prefix:
        pieces.append(f"(?:$|[^{_WORD}]|[{RANGES}])")
    return "".join(pieces)


def _wildcard(pattern: str) -> str:
    """`*` is any run of characters, `?` any one; a backslash takes the next character as it is."""
    pieces, escaped = [], False
    for char in pattern:
        if not escaped and char == "\\":
            escaped = True
            continue
        pieces.append({"*": ".*", "?": "."}.get(char, _plain(char)) if not escaped else _plain(char))
        escaped = False
    return "".join([*pieces, _plain("\\") if escaped else ""])


def _plain(char: str) -> str:
    return "\\x00" if char == "\0" else re.escape(char) if char.isascii() else char
