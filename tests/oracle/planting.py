"""Planted bugs: one line of the engine or the planner changed, while everything else runs as it is.

A bug is planted by exchanging the code of one function for that of its source with one piece of text replaced, so
that classes stay what they are and the worlds made before can be asked again.
"""

# ruff: noqa: E501  (a table: one bug a line)

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any


@dataclass(frozen=True)
class Bug:
    """In a function of a module, `old` becomes `new`; `about` is the kind of form that it should show in."""

    about: str
    where: str
    old: str
    new: str


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """The bug is there within the block."""
    module_name, _, name = bug.where.partition(":")
    module = importlib.import_module(f"palantir_assets.{module_name}")
    function = _function(module, name)
    source = inspect.getsource(module)
    start = source.index(inspect.getsource(function).splitlines()[0])
    assert bug.old in source[start:], f"{bug.where} has no {bug.old!r}"
    assert bug.old in inspect.getsource(function), f"{bug.where} has no {bug.old!r}"
    changed = source[:start] + source[start:].replace(bug.old, bug.new, 1)
    code, before = _code(compile(changed, str(module.__file__), "exec"), name), function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = before


def _function(module: Any, name: str) -> FunctionType:
    found = module
    for part in name.split("."):
        found = inspect.getattr_static(found, part)
    assert isinstance(found, FunctionType), name
    return found


def _code(within: CodeType, name: str) -> CodeType:
    for constant in within.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == name:
                return constant
            if name.startswith(f"{constant.co_qualname}."):
                return _code(constant, name)
    raise LookupError(name)


BUGS = (
    Bug("eq", "engine.indexed:_range", '"eq": (first, after)', '"eq": (first, after + 1)'),
    Bug("eq", "engine.predicates:_value_test", "{_OPERATORS[op]} {", "{_OPERATORS[op].replace('=', '>=') if op == 'eq' else _OPERATORS[op]} {"),
    Bug("lt", "engine.indexed:_range", '"lt": (0, first)', '"lt": (0, after)'),
    Bug("lte", "engine.indexed:_range", '"lte": (0, after)', '"lte": (0, first)'),
    Bug("gt", "engine.indexed:_range", '"gt": (after, last)', '"gt": (first, last)'),
    Bug("gte", "engine.indexed:_range", '"gte": (first, last)', '"gte": (after, last)'),
    Bug("lt", "query.where:decimal_test", 'op in ("lt", "gte")', 'op in ("lte", "gt")'),
    Bug("in", "engine.predicates:_value_test", "(list(values),))", "(list(values)[1:],))"),
    Bug("in", "engine.indexed:_one_of", "wanted[ranks] = True", "wanted[ranks[:1]] = True"),
    Bug("in", "query.where:_leaf", "if where.value else Every(())", "if where.value else AnyOf(())"),
    Bug("isNull", "query.where:_leaf", "IsNull(column) if where.value else", "IsNull(column) if not where.value else"),
    Bug("isNull", "engine.indexed:by_index", "return _ranks(index, 0, last) if negated else of_rows(missing", "return nothing(len(index.order)) if negated else of_rows(missing"),
    Bug("contains", "engine.predicates:_value_test", "list_contains({column}, ?)", "{column}[1] = ?"),
    Bug("wildcard", "engine.predicates:_wildcard", '"?": "."', '"?": ".?"'),
    Bug("wildcard", "engine.predicates:_text_test", "(_wildcard(leaf.pattern),)", "(_wildcard(leaf.pattern.lower()),)"),
    Bug("regex", "engine.predicates:_text_test", "regexp_full_match", "regexp_matches"),
    Bug("startsWith", "query.where:_text_test", 'prefix=where.type != "containsAllTermsInOrder"', 'prefix=where.type not in ("containsAllTermsInOrder", "startsWith")'),
    Bug("containsAllTermsInOrderPrefixLastTerm", "engine.predicates:_phrase", "and not prefix:", "and True:"),
    Bug("containsAllTermsInOrder", "engine.predicates:_phrase", 'f"[^{_WORD}]{gap}"', 'f"(?s:.*)"'),
    Bug("containsAllTerms", "engine.predicates:_text_test", '" AND " if leaf.every else " OR "', '" OR "'),
    Bug("containsAnyTerm", "engine.predicates:_text_test", '" AND " if leaf.every else " OR "', '" AND "'),
    Bug("fuzzy", "engine.words:_edits", "0 if len(term) <= 2", "1 if len(term) <= 2"),
    Bug("interval", "engine.words:_in_order", "start > last", "start >= last"),
    Bug("maxGaps", "engine.words:_combined", "<= max_gaps", "< max_gaps"),
    Bug("match", "engine.words:_combined", "[parts] if ordered else permutations(parts)", "[parts]"),
    Bug("prefixOnLastToken", "engine.words:_begins", "word.startswith(term)", "word == term"),
    Bug("allOf", "engine.words:places", "for inner in rules], max_gaps", "for inner in rules[:1]], max_gaps"),
    Bug("anyOf", "engine.words:places", "for inner in rules for", "for inner in rules[:1] for"),
    Bug("relativeDateRange", "query.moments:_moved", "7 * bound.value - midnight.weekday()", "7 * bound.value"),
    Bug("relativeDateRange", "query.where:_relative", "if end is not None", "if end is not None and start is None"),
    Bug("withinDistanceOf", "engine.predicates:_place_test", "radians({x}) - radians", "radians({x}) + radians"),
    Bug("withinDistanceOf", "engine.predicates:_place_test", "CASE WHEN {y} IS NOT NULL THEN", "CASE WHEN true THEN"),
    Bug("withinBoundingBox", "engine.predicates:_place_test", "if leaf.west > leaf.east", "if False"),
    Bug("intersectsBoundingBox", "engine.predicates:_place_test", "AND {y} <= ?", "AND {y} < ?"),
    Bug("doesNotIntersectBoundingBox", "query.geometry:box_test", 'if kind.startswith("doesNot")', "if False"),
    Bug("withinPolygon", "engine.polygons:_in_one", "outline[0] | outline[1]", "outline[0]"),
    Bug("intersectsPolygon", "engine.polygons:_in_ring", "inside ^=", "inside |="),
    Bug("doesNotIntersectPolygon", "query.geometry:polygon_test", 'if kind.startswith("doesNot")', "if False"),
    Bug("geoShapeV2", "query.geometry:shape_test", '== "DISJOINT"', '== "WITHIN"'),
    Bug("and", "engine.filtering:_Finder._joined", "a & b if every", "a | b if every"),
    Bug("or", "engine.predicates:condition", '" OR ", empty="false"', '" AND ", empty="false"'),
    Bug("not", "engine.filtering:_Finder.true", "negated=not negated", "negated=negated"),
    Bug("not", "engine.indexed:by_index", "| _ranks(index, high, last) if negated", "| _ranks(index, high, last + 0) | of_rows(index.order[index.offsets[-1]:], len(index.order)) if negated"),
    Bug("structField", "engine.predicates:reference", "if column.member is not None else own", "if False else own"),
    Bug("titleProperty", "query.fields:Lens._identified", 'Column("the title", TITLE, "string")', 'Column("the title", "name", "string")'),
    Bug("base", "engine.rows:RowSet.page", "min(offset + limit, self.size)", "min(offset + limit, self.size - 1)"),
    Bug("interfaceBase", "query.planning:Planner._interface", "for each in types)), replace", "for each in types[:1])), replace"),
    Bug("static", "engine.sets:_static", "if row is not None", "if row"),
    Bug("union", "engine.sets:_union", "left[name] | rows", "left[name]"),
    Bug("intersect", "engine.rows:RowSet.__and__", "self.as_mask() & other.as_mask()", "self.as_mask() | other.as_mask()"),
    Bug("intersect", "engine.sets:_combined", "a[name] & b[name]", "a[name]"),
    Bug("subtract", "engine.sets:_combined", "rows - gone[name] if name in gone", "rows - gone[name] if name in gone and len(parts) > 1"),
    Bug("searchAround", "engine.hops:_targets", "csr.offsets[row + 1]]", "csr.offsets[row] + 1]"),
    Bug("searchAround", "engine.hops:_ways", '== "forward" else', '!= "forward" else'),
    Bug("depth", "engine.sets:_walk", "if depth >= least:", "if depth > least:"),
    Bug("depth", "engine.sets:_walk", "range(1, most + 1)", "range(1, most + 2)"),
    Bug("validAt", "engine.hops:valid", "at < side[:, 1]", "at > side[:, 1]"),
    Bug("interfaceLinkSearchAround", "engine.sets:_around", "for end in node.ends if end.from_type in start)", "for end in node.ends[:1] if end.from_type in start)"),
    Bug("asType", "engine.sets:_resolve", "if name in types", "if name not in types"),
    Bug("asBaseObjectTypes", "query.planning:Planner._of_another", "Planned(source.node, self._own(source.scope.lenses))", "source"),
    Bug("nearestNeighbors", "engine.nearest:nearest", "-one[2], order", "one[2], order"),
    Bug("nearestNeighbors", "engine.nearest:_best", "exact >= (", "exact > ("),
    Bug("withProperties", "engine.deriving:_distinct", "np.unique(starts * max(size, 1) + rows)", "np.sort(starts * max(size, 1) + rows)"),
    Bug("collectList", "engine.deriving:_selected", "{int(way.argument or 1)}", "{int(way.argument or 1) + 1}"),
    Bug("collectSet", "engine.deriving:_selected", "{int(way.argument or 1)}", "{int(way.argument or 1) + 1}"),
    Bug("get", "engine.deriving:_aligned", "place < 0", "place < 1"),
    Bug("selection", "engine.deriving:_aligned", "pc.fill_null(aligned, 0)", "aligned"),
    Bug("add", "engine.deriving:_computed", "reduce(_FOLDS[operation], numbers)", "reduce(_FOLDS[operation], numbers[::-1] if operation != 'add' else numbers[:1])"),
    Bug("subtract", "query.selecting:_inner", "(form.left, form.right)", "(form.right, form.left)"),
    Bug("divide", "engine.deriving:_computed", "(_FOLDS[operation]", "(_FOLDS['multiply' if operation == 'divide' else operation]"),
    Bug("negate", "engine.deriving:_computed", "result = -numbers[0]", "result = numbers[0]"),
    Bug("absoluteValue", "engine.deriving:_computed", "np.abs(numbers[0])", "numbers[0]"),
    Bug("least", "engine.deriving:_computed", "reduce(_FOLDS[operation], numbers)", "reduce(_FOLDS['greatest' if operation == 'least' else operation], numbers)"),
    Bug("greatest", "engine.deriving:_computed", "reduce(_FOLDS[operation], numbers)", "reduce(np.maximum if operation == 'greatest' else _FOLDS[operation], numbers)"),
    Bug("multiply", "engine.deriving:_computed", "reduce(_FOLDS[operation], numbers)", "reduce(_FOLDS['add' if operation == 'multiply' else operation], numbers)"),
    Bug("extract", "engine.deriving:_values", "_PARTS[part](", "_PARTS['YEARS'](" ),
    Bug("count", "engine.aggregating:_metric", 'return "count(*)"', 'return "count(*) + 1"'),
    Bug("sum", "engine.aggregating:_metric", '.format(f"value_{at}"', ".replace('sum(', 'sum(DISTINCT ').format(f\"value_{at}\""),
    Bug("avg", "engine.aggregating:_metric", '.format(f"value_{at}"', ".replace('avg({0}', 'avg(coalesce({0}, 0)').format(f\"value_{at}\""),
    Bug("min", "engine.aggregating:_metric", '.format(f"value_{at}"', ".replace('min(', 'any_value(').format(f\"value_{at}\""),
    Bug("max", "engine.aggregating:_metric", '.format(f"value_{at}"', ".replace('max(', 'min(').format(f\"value_{at}\""),
    Bug("exactDistinct", "engine.aggregating:_metric", '.format(f"value_{at}"', ".replace('DISTINCT', '').format(f\"value_{at}\""),
    Bug("approximateDistinct", "engine.aggregating:_metric", '.format(f"value_{at}"', ".replace('DISTINCT', '').format(f\"value_{at}\""),
    Bug("approximatePercentile", "engine.aggregating:_metric", '.format(f"value_{at}"', ".replace('_cont', '_disc').format(f\"value_{at}\""),
    Bug("exact", "engine.aggregating:_keeps_missing", "isinstance(group, Exact) and", "isinstance(group, Exact) or"),
    Bug("fixedWidth", "engine.aggregating:_group", "+ {width}) % {width}))", ")))"),
    Bug("ranges", "engine.aggregating:_ranges", '("<", end)', '("<=", end)'),
    Bug("duration", "engine.aggregating:_period", "+ {width}) % {width})", "))"),
    Bug("duration", "engine.aggregating:_period", "floor({days}", "ceil({days}"),
    Bug("desc", "engine.ordering:_key", "np.where(ranks == last, last, last - 1 - ranks)", "last - ranks"),
    Bug("desc", "engine.ordering:_by_sql", "NULLS LAST", "NULLS FIRST"),
    Bug("asc", "engine.ordering:_by_rank", "joint * width + key", "joint + key"),
    Bug("own", "engine.shaping:_names", "list(by_interface) if plan.scope.cut", "list(by_interface)[1:] if plan.scope.cut"),
    Bug("interface", "engine.shaping:_names", "by_interface.get(name) if renamed else None", "None"),
)  # fmt: skip
"""At least one for each operator, kind of set, derived value, metric, group and order."""
