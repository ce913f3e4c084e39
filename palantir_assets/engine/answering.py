"""A plan becomes row numbers, and row numbers become ready bytes.

Nothing asked of the order or the content is arithmetic, a key is one lookup, and the rest is one
DuckDB statement. Row numbers are dense and follow the key, so every order ends in them and pages are
stable. What may be asked at all was settled in `query.plans`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from palantir_assets.engine.ports import Released, identity
from palantir_assets.engine.predicates import condition
from palantir_assets.names import quoted
from palantir_assets.query.plans import Plan
from palantir_assets.query.tokens import InvalidToken, PageToken, write_token
from palantir_assets.query.values import Value
from palantir_assets.query.where import Compare


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` are JSON objects as bytes; `total` counts all that match, on this page or not."""

    rows: list[bytes]
    total: int
    next_token: str | None
    release_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of an answer is wanted. `total` is known from the second page on."""

    offset: int
    limit: int
    total: int | None = None


def execute(plan: Plan, release: Released) -> Answer:
    """The answer to a plan over one release. Raises InvalidToken for a page of another release."""
    page = page_of(plan.token, plan.limit, release)
    rows, total = _rows(plan, release, page)
    if plan.count:
        return Answer([], total, None, identity(release))
    return Answer(
        rows=shaped(release.json_rows(plan.type.name, rows), plan.select),
        total=total,
        next_token=next_token(release, plan.question, page.offset + len(rows), total),
        release_id=identity(release),
    )


def page_of(token: PageToken | None, limit: int, release: Released) -> Page:
    """Where the page begins: at the start, or where the token says, in the token's own release."""
    if token is None:
        return Page(0, limit)
    if token.release != identity(release):
        raise InvalidToken(
            f"this page token is of release {token.release[:12]}, which is no longer held",
            next_step="ask for the first page again, without a page token",
        )
    return Page(token.offset, limit, token.total)


def next_token(release: Released, question: str, offset: int, total: int) -> str | None:
    """The token of the page after, or None after the last."""
    return write_token(PageToken(identity(release), question, offset, total)) if offset < total else None


def shaped(rows: list[bytes], select: Sequence[str]) -> list[bytes]:
    """The objects with the selected properties only; untouched bytes when all are wanted."""
    if not select:
        return rows
    wanted = frozenset(select)
    objects: Iterable[dict[str, object]] = map(orjson.loads, rows)
    return [orjson.dumps({name: value for name, value in item.items() if name in wanted or name.startswith("__")}) for item in objects]


def _rows(plan: Plan, release: Released, page: Page) -> tuple[Sequence[int], int]:
    if plan.where is None:
        total = release.count(plan.type.name)
        if plan.count or not plan.order_by:
            return range(page.offset, min(page.offset + page.limit, total)), total
        return _sql_rows(plan, release, Page(page.offset, page.limit, total))
    key = _key_asked_for(plan)
    if key is not None:
        row = release.row_of(plan.type.name, key)
        found = [] if row is None else [row]
        return found[page.offset :], len(found)
    return _sql_rows(plan, release, page)


def _key_asked_for(plan: Plan) -> Value | None:
    """The key, if the whole filter is `key = …`; a double has no one way to be written, and is compared in SQL."""
    where, key = plan.where, plan.type.key
    by_key = isinstance(where, Compare) and where.field == key and where.op == "eq" and plan.type.properties[key].type != "double"
    return where.value if by_key and isinstance(where, Compare) else None


def _sql_rows(plan: Plan, release: Released, page: Page) -> tuple[Sequence[int], int]:
    test, values = condition(plan.where) if plan.where is not None else ("true", [])
    table, total = quoted(plan.type.name), page.total
    order = [f"{quoted(by.field)} {'ASC' if by.direction == 'asc' else 'DESC'} NULLS LAST" for by in plan.order_by]
    with release.sql() as cursor:
        if total is None:
            total = int(cursor.execute(f"SELECT count(*) FROM {table} WHERE {test}", values).fetchall()[0][0])
        if plan.count or page.offset >= total:
            return [], total
        statement = f"SELECT _row FROM {table} WHERE {test} ORDER BY {', '.join([*order, '_row'])} LIMIT ? OFFSET ?"
        return [row for (row,) in cursor.execute(statement, [*values, page.limit, page.offset]).fetchall()], total
