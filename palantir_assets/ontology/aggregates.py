"""Aggregates over links in an expression: `count(lines)`, `sum(lines.amount, lines.is_paid) / 2`.

An aggregate stands for a number or value of the linked objects; it is taken out of the expression and leaves a
name, so that the rest is an expression like any other. The optional second argument says which of the linked
objects count, and reads only their properties. What an object type has and where it leads is told by a `Ground`,
which both the specs and a release can give.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from palantir_assets.errors import did_you_mean
from palantir_assets.names import quoted
from palantir_assets.ontology.expressions import ExpressionError, Kind, compile_tree, kind_of, tree_of
from palantir_assets.ontology.spec import PropertyType

FUNCTIONS: Final = ("count", "sum", "avg", "min", "max")
_ORDERED: Final = ("boolean", "number", "string", "date", "timestamp")

Spell = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Way:
    """One end of a link: the type it leads to, the stored link, and from which of its columns to which."""

    to: str
    link: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What expressions stand on: the stored properties of every type, and the links that leave it, by name."""

    properties: Mapping[str, Mapping[str, PropertyType]]
    ways: Mapping[str, Mapping[str, Way]]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate of an expression: what is done with which property of the objects at the end of which link, and which of them count."""

    function: str
    link: str
    property: str | None = None
    condition: ast.expr | None = None


@dataclass(frozen=True, slots=True)
class Parted:
    """An expression without its aggregates: the rest reads each under the name `_a0`, `_a1` …, in their order."""

    rest: ast.expr
    aggregates: tuple[Aggregate, ...]

    @property
    def reads(self) -> frozenset[str]:
        """The object's own properties that the rest reads."""
        functions = {id(node.func) for node in ast.walk(self.rest) if isinstance(node, ast.Call)}
        found = {node.id for node in ast.walk(self.rest) if isinstance(node, ast.Name) and id(node) not in functions}
        return frozenset(name for name in found if not name.startswith("_a") and name not in ("true", "false"))


def take_apart(text: str) -> Parted:
    """An expression and its aggregates; raises ExpressionError for an aggregate that is not written as one.

    >>> take_apart("sum(lines.amount) / 2").aggregates[0].property
    'amount'
    """
    taker = _Taker()
    return Parted(taker.visit(tree_of(text).body), tuple(taker.found))


@dataclass(frozen=True, slots=True)
class Asked:
    """One property to compute: its expression, and the SQL type it is stored as."""

    name: str
    expression: str
    sql_type: str
    type: PropertyType


def kind_over_links(ground: Ground, object_type: str, text: str, types: Mapping[str, PropertyType]) -> Kind:
    """The kind of value that an expression with aggregates gives; raises ExpressionError where it does not hold."""
    parted = take_apart(text)
    found = {f"_a{index}": _sql_of(ground, object_type, one)[1] for index, one in enumerate(parted.aggregates)}
    return compile_tree(parted.rest, {name: kind_of(type_) for name, type_ in types.items()} | found)[1]


def links_select(ground: Ground, object_type: str, asked: list[Asked], *, objects: Spell, links: Spell, or_null: bool = False) -> str:
    """`_row` and one column for each property asked for, in the order given: a later one may read an earlier one.

    `objects` and `links` spell the tables of a type and of a link in SQL. Sums run in row order, so that the same
    rows give the same bytes; parallel links count as often as they are there. A value
    that cannot be computed raises, or with `or_null` is null.
    """
    kinds = {name: kind_of(type_) for name, type_ in ground.properties[object_type].items()}
    joins = _Joins(ground, object_type, objects, links)
    layers: list[tuple[str, str]] = []
    for one in asked:
        parted = take_apart(one.expression)
        names, read = joins.add(parted.aggregates)
        sql, _ = compile_tree(_Renamer(names).visit(parted.rest), kinds | read)
        cast = f"CAST({sql} AS {one.sql_type})"
        layers.append((one.name, f"TRY({cast})" if or_null else cast))
        kinds[one.name] = kind_of(one.type)
    select = joins.select()
    for name, sql in layers:
        select = f"SELECT *, {sql} AS {quoted(name)} FROM ({select})"
    columns = "".join(f", {quoted(one.name)}" for one in asked)
    return f"SELECT _row{columns} FROM ({select}) ORDER BY _row"


@dataclass(slots=True)
class _Joins:
    """The aggregates of several expressions, one grouped subquery for each link they go along."""

    ground: Ground
    object_type: str
    objects: Spell
    links: Spell
    groups: dict[str, list[str]] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)

    def add(self, aggregates: tuple[Aggregate, ...]) -> tuple[dict[str, str], dict[str, Kind]]:
        """Take aggregates in: how each name of its own expression is called among all, and the kind of each."""
        names: dict[str, str] = {}
        kinds: dict[str, Kind] = {}
        for index, one in enumerate(aggregates):
            sql, kind = _sql_of(self.ground, self.object_type, one)
            name = f"_a{len(self.columns)}"
            self.groups.setdefault(one.link, []).append(f"{sql} AS {name}")
            self.columns.append(f"coalesce(g_{one.link}.{name}, 0) AS {name}" if one.function == "count" else f"g_{one.link}.{name}")
            names[f"_a{index}"], kinds[name] = name, kind
        return names, kinds

    def select(self) -> str:
        """The objects with a column for every aggregate."""
        joined = "".join(
            f" LEFT JOIN ({self._group(link, found)}) g_{link} ON g_{link}._here = o._row" for link, found in self.groups.items()
        )
        return f"SELECT {', '.join(['o.*', *self.columns])} FROM {self.objects(self.object_type)} o{joined}"

    def _group(self, link: str, found: list[str]) -> str:
        way = self.ground.ways[self.object_type][link]
        return (
            f"SELECT _here, {', '.join(found)} FROM (SELECT {way.here} AS _here, {way.there} AS _there FROM {self.links(way.link)}) l "
            f"JOIN {self.objects(way.to)} t ON t._row = _there GROUP BY _here"
        )


class _Taker(ast.NodeTransformer):
    """Takes every aggregate out of a tree."""

    def __init__(self) -> None:
        self.found: list[Aggregate] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            return self.generic_visit(node)
        self.found.append(_read(node.func.id, node))
        return ast.Name(f"_a{len(self.found) - 1}", ast.Load())


class _Renamer(ast.NodeTransformer):
    """Gives names other names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.names.get(node.id, node.id), ast.Load())


class _Inner(ast.NodeTransformer):
    """Turns `lines.amount` of a condition into `amount`, and refuses what is not of that link."""

    def __init__(self, link: str) -> None:
        self.link = link

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not isinstance(node.value, ast.Name) or node.value.id != self.link:
            raise ExpressionError(f"{ast.unparse(node)!r} is not of the objects that are counted; write {self.link}.property")
        return ast.Name(node.attr, ast.Load())

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in ("true", "false"):
            return node
        raise ExpressionError(f"{node.id!r} is not of the objects that are counted; write {self.link}.property")

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            raise ExpressionError("an aggregate within an aggregate cannot be computed")
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], node.keywords)


def _read(function: str, node: ast.Call) -> Aggregate:
    usage = f"write {function}(link)" if function == "count" else f"write {function}(link.property)"
    if node.keywords or not 1 <= len(node.args) <= 2:
        raise ExpressionError(f"{ast.unparse(node)!r} is not an aggregate over a link; {usage}, or with a condition after it")
    what, condition = node.args[0], node.args[1] if len(node.args) == 2 else None
    if function == "count" and isinstance(what, ast.Name):
        link, name = what.id, None
    elif function != "count" and isinstance(what, ast.Attribute) and isinstance(what.value, ast.Name):
        link, name = what.value.id, what.attr
    else:
        raise ExpressionError(f"{ast.unparse(node)!r} is not an aggregate over a link; {usage}")
    return Aggregate(function, link, name, _Inner(link).visit(condition) if condition is not None else None)


def _sql_of(ground: Ground, object_type: str, one: Aggregate) -> tuple[str, Kind]:
    """An aggregate over rows `t` at the other end of its link."""
    ways = ground.ways.get(object_type, {})
    if one.link not in ways:
        raise ExpressionError(f"{one.function} reads unknown link {one.link!r}; {did_you_mean(one.link, ways)}".rstrip("; "))
    there = ways[one.link].to
    types = ground.properties.get(there, {})
    kinds = {name: kind_of(type_) for name, type_ in types.items()}
    only = f" FILTER (WHERE {_qualified(one.condition, kinds)})" if one.condition is not None else ""
    if one.property is None:
        return f"count(*){only}", "number"
    if one.property not in types:
        raise ExpressionError(_unknown(one.property, there, types))
    kind = kinds[one.property]
    if kind not in (("number",) if one.function in ("sum", "avg") else _ORDERED):
        raise ExpressionError(f"{one.function} of {one.property!r}, which is a {types[one.property]}")
    order = " ORDER BY _there" if one.function in ("sum", "avg") else ""
    return f"{one.function}({quoted(one.property)}{order}){only}", kind


def _qualified(condition: ast.expr, kinds: Mapping[str, Kind]) -> str:
    sql, kind = compile_tree(condition, kinds)
    if kind not in ("boolean", "null"):
        raise ExpressionError(f"the condition {ast.unparse(condition)!r} is a {kind} where a boolean is needed")
    return sql


def _unknown(name: str, there: str, known: Mapping[str, object]) -> str:
    return f"unknown property {name!r} of {there}, or one that is not stored with it; {did_you_mean(name, known)}".rstrip("; ")


def links_in(parted: Parted) -> Iterator[str]:
    """The links that an expression's aggregates go along."""
    yield from dict.fromkeys(one.link for one in parted.aggregates)
