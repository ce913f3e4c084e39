"""From which columns a model's column is computed, read from compiled SQL.

A pure function of the texts and of the schemas that are known; sqlglot does the reading. Where it cannot
read a model, every column of every input counts as a source, and the answer says so: for a marking it is
safe to say too much. What is done with lineage (metadata, markings, "why?") is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.lineage import Node

Schemas = Mapping[str, Mapping[str, str]]
"""`schema.table` → column → type."""


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """One column of one table, such as `raw.shop__orders` and `amount`."""

    table: str
    name: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The columns a value is computed from; `certain` is False where the SQL could not be read."""

    columns: tuple[Column, ...]
    certain: bool = True


def column_lineage(models: Mapping[str, str], schemas: Schemas) -> dict[str, dict[str, Sources]]:
    """For each model (`schema.table` → compiled SQL) and each of its columns, its sources one step up.

    `schemas` holds the models' own columns and those of their inputs; a model that it lacks has no columns.
    Sources are those of the value: columns that only filter, join or group are not among them, and a column
    such as `count(*)` has none.
    """
    return {model: _of_model(model, sql, schemas) for model, sql in models.items()}


def _of_model(model: str, sql: str, schemas: Schemas) -> dict[str, Sources]:
    from sqlglot import parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage

    spelling = {name.casefold(): name for name in schemas.get(model, ())}
    inputs = _named_in(sql, schemas, but=model)
    try:
        parsed = without_catalogs(parse_one(sql, dialect="duckdb"))
        inputs = _inputs(parsed)
        roots = lineage(None, parsed, nested(schemas), dialect="duckdb", trim_selects=False, copy=False, validate_qualify_columns=True)
    except (SqlglotError, ValueError, KeyError):
        roots = {}
    if {name.casefold() for name in roots} != set(spelling):  # not read, or not as DuckDB read it
        every = tuple(sorted(Column(table, column) for table in inputs for column in schemas.get(table, ())))
        return {name: Sources(every, certain=False) for name in spelling.values()}
    return {spelling[name.casefold()]: Sources(tuple(sorted(set(_leaves(root, schemas))))) for name, root in roots.items()}


def _leaves(root: Node, schemas: Schemas) -> Iterator[Column]:
    """The columns of tables at which a lineage ends. A table function (`range`) is no table and has no schema."""
    from sqlglot import exp

    for node in root.walk():
        if not node.downstream and isinstance(node.source, exp.Table) and node.source.db:
            table = f"{node.source.db}.{node.source.name}"
            read = exp.to_column(node.name, dialect="duckdb").name
            spelling = {column.casefold(): column for column in schemas.get(table, ())}
            yield Column(table, spelling.get(read.casefold(), read))


def _inputs(parsed: exp.Expr) -> list[str]:
    from sqlglot import exp

    return sorted({f"{table.db}.{table.name}" for table in parsed.find_all(exp.Table) if table.db})


def _named_in(sql: str, schemas: Schemas, *, but: str) -> list[str]:
    """The known tables whose name occurs in a text that cannot be parsed."""
    plain = sql.replace('"', "").casefold()
    return sorted(table for table in schemas if table != but and table.casefold() in plain)


def without_catalogs(parsed: exp.Expr) -> exp.Expr:
    """`"warehouse"."raw"."orders"` as `"raw"."orders"`: the database is always the same one."""
    from sqlglot import exp

    for table in parsed.find_all(exp.Table):
        table.set("catalog", None)
    return parsed


def nested(schemas: Schemas) -> dict[str, dict[str, dict[str, str]]]:
    nested: dict[str, dict[str, dict[str, str]]] = {}
    for table, columns in schemas.items():
        schema, _, name = table.partition(".")
        nested.setdefault(schema, {})[name] = dict(columns)
    return nested
