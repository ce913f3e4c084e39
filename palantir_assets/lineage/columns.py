"""From which columns a model's columns and rows are computed, read from compiled SQL.

A pure function of the texts and of the schemas that are known; how a text is followed is decided in `reading`. Where
it cannot be followed, every column of every input counts as a source, and the answer says so: for a marking it is
safe to say too much. What is done with lineage (metadata, markings, "why?") is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from palantir_assets.lineage.conditions import conditions
from palantir_assets.lineage.parsing import Schemas, Unreadable
from palantir_assets.lineage.reading import Column, Query, read

__all__ = ["Column", "ModelLineage", "Schemas", "Sources", "column_lineage", "model_lineage"]


@dataclass(frozen=True, slots=True)
class Sources:
    """The columns a value is computed from; `certain` is False where the SQL could not be read."""

    columns: tuple[Column, ...]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ModelLineage:
    """What a model reads, one step up: `values` by its columns, `rows` what decides which rows there are, `inputs` the tables.

    Where it is not `certain`, `why` tells the reason, and every column of every input is among the sources of each.
    """

    values: Mapping[str, tuple[Column, ...]]
    rows: tuple[Column, ...]
    inputs: tuple[str, ...]
    why: str = ""

    @property
    def certain(self) -> bool:
        return not self.why


def column_lineage(models: Mapping[str, str], schemas: Schemas) -> dict[str, dict[str, Sources]]:
    """For each model (`schema.table` → compiled SQL) and each of its columns, the sources of its value one step up.

    `schemas` holds the models' own columns and those of their inputs; a model that it lacks has no columns.
    Columns that only filter, join or group are not among them, and a column such as `count(*)` has none.
    """
    found = {model: model_lineage(model, sql, schemas) for model, sql in models.items()}
    return {
        model: {name: Sources(columns, lineage.certain) for name, columns in lineage.values.items()} for model, lineage in found.items()
    }


def model_lineage(model: str, sql: str, schemas: Schemas, *, declared: Iterable[str] = ()) -> ModelLineage:
    """One model's lineage. `declared` are tables it is known to read whether its text names them or not.

    One that the text does not name was read while the text was written (a macro that asks for the values of a column):
    all of its columns count among what decides the rows.
    """
    spelling = {name.casefold(): name for name in schemas.get(model, ())}
    try:
        query = read(sql, schemas)
        values, rows, inputs = _followed(query, spelling), conditions(query), query.tables()
    except Unreadable as error:
        return unread(spelling.values(), {*named_in(sql, schemas, but=model), *declared}, schemas, why=str(error))
    unnamed = set(declared) - set(inputs)
    return ModelLineage(values, tuple(sorted({*rows, *_every(unnamed, schemas)})), tuple(sorted({*inputs, *unnamed})))


def columns_read(sql: str, schemas: Schemas) -> frozenset[Column]:
    """Every column that a query reads, for values or for conditions; where it cannot be read, all of the tables it names."""
    try:
        query = read(sql, schemas)
        made_of = [one for expressions in query.outputs().values() for one in expressions]
        return query.columns(made_of) | conditions(query)
    except Unreadable:
        return frozenset(_every(named_in(sql, schemas, but=""), schemas))


def unread(columns: Iterable[str], inputs: Iterable[str], schemas: Schemas, *, why: str) -> ModelLineage:
    """The lineage of a model that nobody can read: everything from everything."""
    every = tuple(sorted(_every(inputs, schemas)))
    return ModelLineage(dict.fromkeys(columns, every), every, tuple(sorted(inputs)), why)


def named_in(sql: str, schemas: Schemas, *, but: str) -> list[str]:
    """The known tables whose name occurs in a text, whatever else it says."""
    plain = sql.replace('"', "").casefold()
    return sorted(table for table in schemas if table != but and table.casefold() in plain)


def _followed(query: Query, spelling: Mapping[str, str]) -> dict[str, tuple[Column, ...]]:
    outputs = query.outputs()
    if {name.casefold() for name in outputs} != set(spelling):
        raise Unreadable("it does not have the columns that the table has")
    return {spelling[name.casefold()]: tuple(sorted(query.columns(made_of))) for name, made_of in outputs.items()}


def _every(tables: Iterable[str], schemas: Schemas) -> set[Column]:
    return {Column(table, column) for table in tables for column in schemas.get(table, ())}
