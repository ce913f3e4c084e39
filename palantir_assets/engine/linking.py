"""The links of every object of a set, a page at a time: which objects it is linked to, told by type and key.

A page counts the objects of the set, and ends before the object whose links would be too many. How sets become rows is told in `sets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson

from palantir_assets.engine.answering import next_token, page_of
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.hops import degrees, pairs
from palantir_assets.engine.ordering import ordered_page
from palantir_assets.engine.ports import Released, identity
from palantir_assets.engine.sets import resolve
from palantir_assets.names import fingerprint
from palantir_assets.ontology.served import LinkEnd
from palantir_assets.query.plans import Plan
from palantir_assets.query.tokens import InvalidToken, PageToken

MAX_LINKS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Located:
    """An object by its type and key: `key` is the JSON of its `__primaryKey`."""

    type: str
    row: int
    key: object


@dataclass(frozen=True, slots=True)
class LinksOf:
    """One object of the set, and what each link leads to, in row order; parallel links once each."""

    source: Located
    targets: tuple[tuple[str, Located], ...]


@dataclass(frozen=True, slots=True)
class LinkPage:
    items: list[LinksOf]
    total: int
    next_token: str | None
    release_id: str


def links_from(plan: Plan, links: Sequence[str], release: Released, *, token: PageToken | None = None) -> LinkPage:
    """A page of the objects of a set with what they are linked to along some links. Raises UnknownName, or InvalidToken.

    The plan is one without a page token; the token of a page before is given beside it.
    """
    asking = Asking(plan.view, release)
    lenses = plan.scope.lenses.items()
    ends = {name: [asking.ontology.find_link(lens.type.name, link) for link in links] for name, lens in lenses}
    question = fingerprint("links", plan.question, list(links))
    if token and token.query != question:
        raise InvalidToken("this page token belongs to another question", token)
    page = page_of(token, plan.limit, release)
    sets = resolve(asking, plan.node)
    total = sum(len(rows) for rows in sets.values())
    items: list[LinksOf] = []
    left = MAX_LINKS
    for name, rows in ordered_page(asking, sets, plan.order, page):
        told, left = _fitting(asking, rows, ends[name], left, first=not items)
        items += _linked(asking, name, told, ends[name])
        if len(told) < len(rows):
            break
    return LinkPage(items, total, next_token(release, question, page.offset + len(items), total), identity(release))


def _fitting(asking: Asking, rows: Sequence[int], ends: Sequence[LinkEnd], left: int, *, first: bool) -> tuple[Sequence[int], int]:
    """As many of the rows as have no more than `left` links together, one at least if it is the `first`; and what is left."""
    numbers = np.asarray(rows, dtype=np.int32)
    together = np.cumsum(sum((degrees(asking, end, numbers) for end in ends), np.zeros(len(numbers), dtype=np.int64)))
    fitting = max(int(np.searchsorted(together, left, side="right")), int(first))
    return rows[:fitting], left - int(together[fitting - 1]) if fitting else left


def _linked(asking: Asking, name: str, rows: Sequence[int], ends: Sequence[LinkEnd]) -> list[LinksOf]:
    found: list[list[tuple[str, Located]]] = [[] for _ in rows]
    for end in ends:
        at, targets = pairs(asking, end, np.asarray(rows, dtype=np.int32))
        for place, target in zip(at.tolist(), _located(asking, end.to_type, targets.tolist()), strict=True):
            found[place].append((end.name, target))
    sources = _located(asking, name, rows)
    return [LinksOf(source, tuple(targets)) for source, targets in zip(sources, found, strict=True)]


def _located(asking: Asking, name: str, rows: Sequence[int]) -> list[Located]:
    """Keys are read from the ready JSON, each once."""
    distinct = sorted(set(rows))
    ready = asking.release.json_rows(name, distinct)
    if name in asking.view.sensitive:
        asking.note_rows(name, ready)
    keys = {row: orjson.loads(each)["__primaryKey"] for row, each in zip(distinct, ready, strict=True)}
    return [Located(name, row, keys[row]) for row in rows]
