"""SQL text as a qualified tree with its scopes: names written out, stars spelled, what cannot be followed refused.

sqlglot does the reading. How an expression in the tree is followed to columns of tables is decided in `reading`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

Schemas = Mapping[str, Mapping[str, str]]
"""`schema.table` → column → type."""

BARE: Final = "bare"
"""Marks a column that was written without its table: it may mean another column of the same SELECT."""
_PLAIN: Final = frozenset({"this", "alias", "sample"})
"""What a subquery may hold beside the query in it."""


class Unreadable(ValueError):
    """A query that cannot be followed to the last column; the message says why."""


def parse_select(sql: str, schemas: Schemas) -> Scope:
    """A SELECT, qualified by the known schemas; raises Unreadable for whatever cannot be followed."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    try:
        parsed = without_catalogs(parse_one(sql, dialect="duckdb"))
        if not isinstance(parsed, exp.Query):
            raise Unreadable("it is not a SELECT")
        for column in parsed.find_all(exp.Column):
            column.meta.update({} if column.table else {BARE: True})
        qualified = qualify(
            parsed, schema=nested(schemas), dialect="duckdb", validate_qualify_columns=False, identify=False, expand_alias_refs=False
        )
        root = build_scope(qualified)
    except Unreadable:
        raise
    except (SqlglotError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:  # its ways of not knowing a form
        raise Unreadable(str(error)) from error
    if root is None:
        raise Unreadable("it has no scope")
    _refuse_what_is_not_followed(qualified)
    return root


def own_nodes(expression: exp.Expression) -> Iterator[exp.Expression]:
    """An expression and everything in it, without going into subqueries."""
    from sqlglot import exp

    yield from expression.walk(prune=lambda node: isinstance(node, exp.Query))


def upward(node: exp.Expression) -> Iterator[exp.Expression]:
    place: exp.Expression | None = node
    while place is not None:
        yield place
        place = place.parent


def without_catalogs(parsed: exp.Expr) -> exp.Expr:
    """`"warehouse"."raw"."orders"` as `"raw"."orders"`: the database is always the same one."""
    from sqlglot import exp

    for table in parsed.find_all(exp.Table):
        table.set("catalog", None)
    return parsed


def nested(schemas: Schemas) -> dict[str, dict[str, dict[str, str]]]:
    """Schemas as sqlglot wants them: schema → table → column → type."""
    nested: dict[str, dict[str, dict[str, str]]] = {}
    for table, columns in schemas.items():
        schema, _, name = table.partition(".")
        nested.setdefault(schema, {})[name] = dict(columns)
    return nested


def is_loose(name: exp.Identifier) -> bool:
    """Whether a name stands where a value is meant and is no parameter of a lambda: sqlglot reads `name.upper()` so."""
    from sqlglot import exp

    parent = name.parent
    if isinstance(parent, exp.Dot):
        named = name.arg_key == "expression"
    else:
        named = isinstance(parent, (exp.Column, exp.Alias, exp.Aliases, exp.TableAlias, exp.Table, exp.TableColumn, exp.ColumnDef, exp.CTE))
        named = named or isinstance(parent, (exp.PropertyEQ, exp.Kwarg, exp.Window, exp.DataType, exp.Lambda, exp.Comprehension))
    return not named and not any(name.name in _parameters(node) for node in upward(name))


def _parameters(node: exp.Expression) -> list[str]:
    from sqlglot import exp

    if isinstance(node, exp.Lambda):
        return [one.name for one in node.expressions]
    return [node.expression.name] if isinstance(node, exp.Comprehension) else []


def _refuse_what_is_not_followed(qualified: exp.Expression) -> None:
    from sqlglot import exp

    if qualified.find(exp.Pivot, exp.Columns):
        raise Unreadable("pivots and columns(…) give columns that only the data tells")
    for join in qualified.find_all(exp.Join):
        if join.args.get("using") or join.method.upper() in ("NATURAL", "POSITIONAL"):
            raise Unreadable("a join whose columns are not written out")
    for table in qualified.find_all(exp.Table):
        if table.args.get("joins") or (table.db and table.alias_column_names):
            raise Unreadable("a table whose columns are given other names, or joins in brackets")
    for subquery in qualified.find_all(exp.Subquery):
        if any(value for key, value in subquery.args.items() if key not in _PLAIN):
            raise Unreadable("a query in brackets with more behind it")
