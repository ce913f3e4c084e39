"""A plan becomes row numbers, and row numbers become ready bytes.

Nothing asked of the order or the content is arithmetic, a key is one lookup, an indexed property an array, and the
rest SQL. Row numbers are dense and follow the key, so every order ends in them and pages are
stable. What may be asked at all was settled in `query.plans`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.nearest import nearest
from palantir_assets.engine.ordering import Page, Places, ordered_page
from palantir_assets.engine.ports import Released, identity
from palantir_assets.engine.rows import RowSet, nothing, of_rows
from palantir_assets.engine.sets import resolve
from palantir_assets.engine.shaping import told
from palantir_assets.query.nodes import Base, Filter, Nearest
from palantir_assets.query.plans import Plan
from palantir_assets.query.predicates import Compare
from palantir_assets.query.tokens import InvalidToken, PageToken, write_token


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` are JSON objects as bytes; `total` counts all that match, on this page or not.

    `types` are the object types of the rows, one each; `scores` their similarities where that was the order.
    """

    rows: list[bytes]
    total: int
    next_token: str | None
    release_id: str
    types: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()


def execute(plan: Plan, release: Released) -> Answer:
    """The answer to a plan over one release. Raises InvalidToken for a page of another release, QueryTooLong, or QueryError."""
    page = page_of(plan.token, plan.limit, release)
    asking = Asking(plan.view, release)
    if plan.relevance is not None and not plan.count:
        return _by_relevance(asking, plan, plan.relevance, page)
    sets = _key_lookup(asking, plan) or resolve(asking, plan.node)
    total = sum(len(rows) for rows in sets.values())
    places: Places = [] if plan.count else ordered_page(asking, sets, plan.order, page)
    return _answer(asking, plan, places, page, total)


def page_of(token: PageToken | None, limit: int, release: Released) -> Page:
    """Where the page begins: at the start, or where the token says, in the token's own release."""
    if token is None:
        return Page(0, limit)
    if token.release != identity(release):
        raise InvalidToken(f"this page token is of release {token.release[:12]}, which is no longer held", token)
    if token.edit_no != release.edit_no:
        raise InvalidToken(f"this page token is of the objects as of edit {token.edit_no}, which are no longer held", token)
    return Page(token.offset, limit)


def next_token(release: Released, question: str, offset: int, total: int) -> str | None:
    """The token of the page after, or None after the last."""
    return write_token(PageToken(identity(release), question, offset, release.edit_no)) if offset < total else None


def _answer(asking: Asking, plan: Plan, places: Places, page: Page, total: int) -> Answer:
    rows, types = _told(asking, plan, places)
    following = None if plan.count else next_token(asking.release, plan.question, page.offset + len(rows), total)
    return Answer(rows, total, following, identity(asking.release), types)


def _told(asking: Asking, plan: Plan, places: Places) -> tuple[list[bytes], tuple[str, ...]]:
    """The objects in order. Those of one type are read at once, wherever they stand."""
    if len(places) == 1:
        name, numbers = places[0]
        return told(asking, plan, name, numbers), (name,) * len(numbers)
    ready: dict[str, list[bytes]] = {}
    for name in {name for name, _ in places}:
        ready[name] = told(asking, plan, name, [row for kind, run in places if kind == name for row in run])[::-1]
    types = tuple(name for name, run in places for _ in run)
    return [ready[name].pop() for name in types], types


def _by_relevance(asking: Asking, plan: Plan, node: Nearest, page: Page) -> Answer:
    ranked = nearest(asking, node, resolve(asking, node.source))
    wanted = ranked[page.offset : page.offset + page.limit]
    rows, types = _told(asking, plan, [(name, [row]) for name, row, _ in wanted])
    following = next_token(asking.release, plan.question, page.offset + len(rows), len(ranked))
    return Answer(rows, len(ranked), following, identity(asking.release), types, tuple(score for _, _, score in wanted))


def _key_lookup(asking: Asking, plan: Plan) -> Mapping[str, RowSet] | None:
    """The object, if the whole question is `key = …`; a double has no one way to be written, and is compared in SQL."""
    match plan.node:
        case Filter(Base(name), ((_, Compare(column, "eq", value)),)):
            kind = asking.ontology.types[name]
            if column.derived is not None or column.member is not None or column.column != kind.key or column.type in ("double", "decimal"):
                return None
            row = asking.release.row_of(name, value)
            seen = asking.visible(name)
            return {name: _one(row if row is not None and seen.has(row) else None, seen.size)}
        case _:
            return None


def _one(row: int | None, size: int) -> RowSet:
    return nothing(size) if row is None else of_rows(np.asarray([row], dtype=np.int32), size)
