"""The rows that sources brought and no table took: counted, shown as their markings let them be, for on-call.

They stand beside their table as `raw.<source>__<table>__refused`; what refuses a row is decided in `sources`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.project import Project
from palantir_assets.errors import BuildError, did_you_mean
from palantir_assets.names import Name, raw_table
from palantir_assets.observability.masking import without_values
from palantir_assets.observability.redaction import HIDDEN
from palantir_assets.sources.loading import refused_table
from palantir_assets.stores.warehouse import columns, rows, sample


@dataclass(frozen=True, slots=True)
class Held:
    """The refused rows of one raw table: how many, and the first of them with `line`, `record`, `reason` and `raw`."""

    name: Name
    count: int
    first: Sequence[Mapping[str, object]]


def held_rows(project: Project, table: str | None = None, *, limit: int = 20) -> list[Held]:
    """What every raw table holds aside, or one, such as `shop.orders`; tables that hold nothing, or were never made, are left out.

    Raises BuildError for a table that no source declares, and where there is no warehouse yet.
    """
    return list(_held(project, declared_tables(project, table), limit))


def declared_tables(project: Project, table: str | None = None) -> list[Name]:
    """The raw tables that sources declare, or the one named as `source.table`. Raises BuildError for another name."""
    named = {f"{source}.{each}": raw_table(source, each) for source, said in project.ontology.sources.items() for each in said.tables}
    if table is None:
        return list(named.values())
    if table not in named:
        raise BuildError(f"no source declares a table {table!r}", next_step=did_you_mean(table, named) or f"there are {', '.join(named)}")
    return [named[table]]


def shown(project: Project, name: Name, refused: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Refused rows as they may be shown: without their texts where any column of the table is marked."""
    if not markings_of(project, name).all:
        return [dict(row) for row in refused]
    return [{**row, "raw": HIDDEN, "reason": without_values(str(row["reason"]))} for row in refused]


def _held(project: Project, tables: Sequence[Name], limit: int) -> Iterator[Held]:
    with project.warehouse.read() as con:
        for name in tables:
            aside = refused_table(name)
            if columns(con, aside) and (count := rows(con, aside)):
                yield Held(name, count, shown(project, name, sample(con, aside, limit)))
