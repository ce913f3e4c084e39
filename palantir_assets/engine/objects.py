"""One object by its key, and a hop along a link: the two questions that need no plan of a set.

Both take a View, as every question does, and see only what `visibility` shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from palantir_assets.access.views import View
from palantir_assets.engine.answering import Answer, next_token, page_of
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.ports import Released, identity
from palantir_assets.engine.shaping import shaped
from palantir_assets.errors import NotFound
from palantir_assets.names import fingerprint
from palantir_assets.ontology.served import LinkEnd
from palantir_assets.ontology.served_parts import ServedType
from palantir_assets.query.plans import DEFAULT_PAGE
from palantir_assets.query.tokens import InvalidToken, read_token


def get(release: Released, view: View, object_type: str, key: str, *, select: Sequence[str] = ()) -> bytes:
    """One object as JSON. Raises UnknownName or NotFound."""
    asking = Asking(view, release)
    served_type = view.ontology.find_type(object_type)
    (found,) = asking.json_rows(object_type, (_row(asking, object_type, key),))
    return _selected([found], served_type, select)[0] if select else found


def linked(
    release: Released,
    view: View,
    object_type: str,
    key: str,
    link: str,
    *,
    limit: int = DEFAULT_PAGE,
    page_token: str | None = None,
    select: Sequence[str] = (),
) -> Answer:
    """A page of the objects linked to one object, in row order. Raises UnknownName, NotFound or InvalidToken."""
    asking, end = Asking(view, release), view.ontology.find_link(object_type, link)
    question = fingerprint("links", view.signature, object_type, key, link)
    token = read_token(page_token) if page_token is not None else None
    if token and token.query != question:
        raise InvalidToken("this page token belongs to another question", token)
    page = page_of(token, limit, release)
    targets = _targets(asking, end, key)
    rows: list[int] = targets[page.offset : page.offset + limit].tolist()
    return Answer(
        rows=_selected(asking.json_rows(end.to_type, rows), view.ontology.types[end.to_type], select),
        total=len(targets),
        next_token=next_token(release, question, page.offset + len(rows), len(targets)),
        release_id=identity(release),
        types=(end.to_type,) * len(rows),
    )


def linked_one(
    release: Released, view: View, object_type: str, key: str, link: str, linked_key: str, *, select: Sequence[str] = ()
) -> bytes:
    """One object that is linked to another. NotFound if either is missing or they are not linked."""
    asking, end = Asking(view, release), view.ontology.find_link(object_type, link)
    row = _row(asking, end.to_type, linked_key)
    if not np.any(_targets(asking, end, key) == row):
        raise NotFound(end.to_type, linked_key)
    return _selected(asking.json_rows(end.to_type, (row,)), view.ontology.types[end.to_type], select)[0]


def _row(asking: Asking, object_type: str, key: str) -> int:
    row, seen = asking.release.row_of(object_type, key), asking.visible(object_type)
    if row is None or not seen.has(row):
        raise NotFound(object_type, key)
    return row


def _targets(asking: Asking, end: LinkEnd, key: str) -> NDArray[np.int32]:
    """The rows linked to an object, ascending, each once: links that say the same twice lead to one object."""
    arrays = asking.links(end)
    targets = (arrays.forward if end.direction == "forward" else arrays.reverse).of(_row(asking, end.from_type, key))
    if len(targets) > 1 and (targets[1:] == targets[:-1]).any():
        targets = np.unique(targets)
    seen = asking.visible(end.to_type)
    return targets if seen.is_all else targets[seen.holds(targets)]


def _selected(rows: list[bytes], served_type: ServedType, select: Sequence[str]) -> list[bytes]:
    for name in select:
        served_type.find_property(name)
    return shaped(rows, select)
