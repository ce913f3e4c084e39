"""Objects by text, restricted to what the caller may read before the best are taken.

How texts are matched and ranked is `search.retrieval`'s affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from palantir_assets.access.views import View
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.ports import Hit, Released
from palantir_assets.engine.rows import Mask
from palantir_assets.engine.visibility import visible
from palantir_assets.errors import QueryError

MAX_HITS: Final = 100
MAX_TEXT: Final = 1_000


def find(release: Released, view: View, text: str, *, limit: int = 10, object_type: str | None = None) -> Sequence[Hit]:
    """At most `limit` objects, best first. Raises QueryError, or UnknownName for a type that is not there."""
    if not text.strip() or len(text) > MAX_TEXT:
        raise QueryError(f"q: a text of 1 to {MAX_TEXT} characters is needed")
    if not 1 <= limit <= MAX_HITS:
        raise QueryError(f"limit: between 1 and {MAX_HITS}")
    wanted = _searched(view) if object_type is None else [_searchable(view, object_type)]
    if release.search is None:
        return []
    asking = Asking(view, release)

    def allowed(name: str) -> Mask | bool:
        rows = visible(view, release, name)  # what is not found is not told: only hits are read
        return True if rows.is_all else release.memory.once(("mask", rows), rows.as_mask)

    hits = release.search.search(text, limit, object_types=frozenset(wanted), allowed=allowed)
    for hit in hits:
        asking.note(hit.object_type, (hit.key,))
    return hits


def _searched(view: View) -> list[str]:
    """The types with texts to search, each text wholly readable to the caller."""
    return [kind.name for kind in view.ontology.types.values() if kind.searchable]


def _searchable(view: View, name: str) -> str:
    """The name of such a type; a type without any would find nothing, which is not the same as nothing found."""
    kind = view.ontology.find_type(name)
    if not kind.searchable:
        known = _searched(view)
        step = f"search one of {', '.join(known)}" if known else "give it a `search` in its spec, then run `palantir build`"
        raise QueryError(f"type: the texts of {name!r} are not searched", next_step=step)
    return kind.name
