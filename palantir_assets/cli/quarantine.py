"""`palantir quarantine`: the rows that no table took, and another try once they or their declaration were mended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palantir_assets.cli import boot, console
from palantir_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from palantir_assets.assets.project import Project
    from palantir_assets.assets.quarantine import Held

quarantine = typer.Typer(help="Rows that sources brought and no table took.", no_args_is_help=True)

Table = Annotated[str | None, typer.Argument(help="One table, as source.table; without it, all.", metavar="[TABLE]")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


@quarantine.command("list")
def list_rows(
    table: Table = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows of each table.")] = 20,
    as_json: Json = False,
) -> None:
    """Every row that was refused, with its line, the reason and its text; texts of marked tables are hidden."""
    from palantir_assets.assets.quarantine import held_rows

    found = held_rows(_project(load_settings()), table, limit=limit)
    if as_json:
        console.answer_json([_told(each) for each in found])
        return
    if not found:
        console.answer("no row is held aside")
    for each in found:
        console.answer(f"{each.name}: {each.count:,} row{'s' if each.count != 1 else ''} held aside")
        names = ("line", "record", "column_name", "reason", "raw")
        console.answer_table(("line", "record", "column", "why", "text"), [tuple(row[name] or "" for name in names) for row in each.first])


@quarantine.command("retry")
def retry(table: Table = None, as_json: Json = False) -> None:
    """Fetch and read again what holds rows aside, or one table, as it is declared now. Nothing else is made."""
    from palantir_assets.assets.quarantine import declared_tables, held_rows
    from palantir_assets.cli.build import run

    settings = load_settings()
    project = _project(settings)
    before = {each.name: each.count for each in held_rows(project, table)}
    wanted = declared_tables(project, table) if table else list(before)
    if not wanted:
        console.answer_json([]) if as_json else console.answer("no row is held aside")
        return
    failed = {name for name in wanted if run(settings, select=str(name), show=lambda event: None).failed}
    after = {each.name: each.count for each in held_rows(project, table)}
    told = [{"asset": str(name), "before": before.get(name, 0), "now": after.get(name, 0), "failed": name in failed} for name in wanted]
    if as_json:
        console.answer_json(told)
    else:
        console.answer_table(("asset", "held before", "held now", "read"), [_row(each) for each in told])
        console.answer("`palantir build` carries on what was taken; `palantir quarantine list` shows what was not")
    if failed:
        raise typer.Exit(console.EXIT_REFUSED)


def _project(settings: Settings) -> Project:
    boot.require_project(settings)
    os.environ.update(boot.environment(settings))
    from palantir_assets.assets.project import open_project

    return open_project(settings)


def _told(held: Held) -> dict[str, Any]:
    rows = [{name: row[name] for name in ("line", "record", "column_name", "reason", "raw", "_source_sha256")} for row in held.first]
    return {"asset": str(held.name), "rows": held.count, "first": rows}


def _row(told: dict[str, Any]) -> tuple[object, ...]:
    return told["asset"], told["before"], told["now"], "failed: see `palantir status`" if told["failed"] else "yes"
