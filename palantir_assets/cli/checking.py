"""`check`, `preview` and `specs schema`: looking at a project without publishing anything."""

from __future__ import annotations

import os
from typing import Any

from palantir_assets.cli import boot, console
from palantir_assets.errors import Problem
from palantir_assets.settings import Settings


def check(settings: Settings, *, as_json: bool) -> int:
    """Tell every problem of the project; return 1 if there is one."""
    boot.require_project(settings)
    os.environ.update(boot.environment(settings))
    from palantir_assets.assets.problems import look_over

    with console.err().status("checking specs, dbt project and settings"):
        found = look_over(settings)
    problems = found.problems
    if as_json:
        console.answer_json([_plain(problem) for problem in problems])
    else:
        for problem in problems:
            console.answer(str(problem))
        for table in found.unseen:
            console.say(f"note: the columns of {table} are not known before it is made; a contract in its dbt project would tell them")
        for note in found.notes:
            console.say(f"note: {note}")
        console.say(f"{len(problems)} problem{'s' if len(problems) != 1 else ''}" if problems else "everything holds together")
    return console.EXIT_REFUSED if problems else 0


def preview(settings: Settings, target: str, *, limit: int, as_json: bool) -> int:
    """Show the first rows of one model or object type as they would be now."""
    boot.require_project(settings)
    boot.make_layout(settings)
    os.environ.update(boot.environment(settings))
    from palantir_assets.assets.preview import preview as look

    with console.err().status(f"looking at {target}"):
        found = look(settings, target, limit)
    if as_json:
        console.answer_json([dict(zip(found.columns, row, strict=True)) for row in found.rows])
    else:
        console.answer_table(tuple(found.columns), [tuple(row) for row in found.rows], title=target)
    return 0


def schema() -> dict[str, Any]:
    """The JSON Schema of one spec file: an object type, or the sections that stand beside them."""
    from palantir_assets.ontology.schema import json_schema

    return json_schema()


def _plain(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "message": problem.message,
        "file": str(place.file) if place else None,
        "line": place.line if place else None,
        "hint": problem.hint,
    }
