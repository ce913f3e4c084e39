"""By which columns a model decides which rows it has: the other half of what a marking follows.

Filters, joins, groups, orders, windows, DISTINCT, set operations, unnested lists, and the same in every CTE and
subquery. A plain ORDER BY counts too: what comes after it may take the first rows. How an expression is followed to
columns of tables is decided in `reading`; of what a value is made, in `columns`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from palantir_assets.lineage.parsing import own_nodes
from palantir_assets.lineage.reading import Column, Expression, Query

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

_SELECTED: Final = frozenset({"expressions", "with", "with_", "hint", "kind", "from", "from_", "joins", "laterals"})
"""The parts of a SELECT that are looked at one by one; all others decide about rows."""
_COMBINED: Final = frozenset({"this", "expression", "with", "with_"})
_SPREADING: Final = frozenset({"generate_subscripts", "regexp_split_to_table", "unnest"})


def conditions(query: Query) -> frozenset[Column]:
    """Every column that decides which rows a query gives, how often, or in which order; raises `Unreadable`."""
    return query.columns(one for scope in query.scopes for one in _of_scope(query, scope))


def _of_scope(query: Query, scope: Scope) -> Iterator[Expression]:
    from sqlglot import exp

    expression = scope.expression
    if isinstance(expression, exp.Select):
        yield from _of_select(query, scope, expression)
    elif isinstance(expression, exp.SetOperation):
        if not isinstance(expression, exp.Union) or expression.args.get("distinct"):
            yield from query.projections(scope)
        yield from _rest(query, scope, _COMBINED)


def _of_select(query: Query, scope: Scope, select: exp.Select) -> Iterator[Expression]:
    from sqlglot import exp

    distinct, group = select.args.get("distinct"), select.args.get("group")
    if distinct is not None and not distinct.args.get("on"):
        yield from query.projections(scope)
    elif group is not None and group.args.get("all"):
        yield from _outside_aggregates(query, scope)
    else:
        yield from (one for one in query.projections(scope) if any(map(_spreads, own_nodes(one.node))))
    for join in select.args.get("joins") or ():
        yield from (Expression(value, scope) for key, value in _parts(join) if key != "this")
    named = [one.this for one in (select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or ())) if one]
    for source in [*named, *(select.args.get("laterals") or ())]:
        inside = source.this if isinstance(source, exp.Lateral) else source
        if not isinstance(inside, exp.Query):
            yield Expression(inside, scope)
    yield from _rest(query, scope, _SELECTED)


def _rest(query: Query, scope: Scope, known: frozenset[str]) -> Iterator[Expression]:
    """Every other part of a query; an ORDER BY that counts columns, or names them all, is about all of them."""
    from sqlglot import exp

    for key, part in _parts(scope.expression):
        if key in known:
            continue
        yield Expression(part, scope)
        ordered = [one.this for one in part.expressions] if isinstance(part, exp.Order) else []
        if any(isinstance(one, exp.Literal) or one.name.upper() == "ALL" for one in ordered):
            yield from query.projections(scope)


def _outside_aggregates(query: Query, scope: Scope) -> Iterator[Expression]:
    """What GROUP BY ALL groups by: all that is selected and not aggregated; a window over an aggregate is neither."""
    from sqlglot import exp

    for one in query.projections(scope):
        for node in own_nodes(one.node):
            if isinstance(node, (exp.Column, exp.Query, exp.TableColumn)) and not _is_aggregated(node, one.node):
                yield Expression(node, scope)


def _is_aggregated(node: exp.Expression, within: exp.Expression) -> bool:
    from sqlglot import exp

    place = node
    while place is not within and place.parent is not None:
        place = place.parent
        if isinstance(place, exp.AggFunc) and not isinstance(place.parent, exp.Window):
            return True
    return False


def _spreads(node: exp.Expression) -> bool:
    """Whether an expression makes several rows of one."""
    from sqlglot import exp

    return isinstance(node, (exp.Unnest, exp.Explode, exp.UDTF)) or (isinstance(node, exp.Anonymous) and node.name.casefold() in _SPREADING)


def _parts(expression: exp.Expression) -> Iterator[tuple[str, exp.Expression]]:
    from sqlglot import exp

    for key, value in expression.args.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, exp.Expression):
                yield key, one
