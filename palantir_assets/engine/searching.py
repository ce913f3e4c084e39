"""Objects by text, restricted to what the caller may read before the best are taken.

How texts are matched and ranked is `search.retrieval`'s affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from palantir_assets.access.policy import readable_type, readable_types
from palantir_assets.access.principal import Principal
from palantir_assets.engine.ports import Hit, Released
from palantir_assets.errors import QueryError

MAX_HITS: Final = 100
MAX_TEXT: Final = 1_000


def find(release: Released, principal: Principal, text: str, *, limit: int = 10, object_type: str | None = None) -> Sequence[Hit]:
    """At most `limit` objects, best first. Raises QueryError, or UnknownName for a type that is not there."""
    if not text.strip() or len(text) > MAX_TEXT:
        raise QueryError(f"q: a text of 1 to {MAX_TEXT} characters is needed")
    if not 1 <= limit <= MAX_HITS:
        raise QueryError(f"limit: between 1 and {MAX_HITS}")
    readable = readable_types(principal, release.ontology) if object_type is None else [_searchable(release, principal, object_type)]
    if release.search is None:
        return []
    return release.search.search(text, limit, object_types=frozenset(readable))


def _searchable(release: Released, principal: Principal, name: str) -> str:
    """The name of a type with texts to search; a type without any would find nothing, which is not the same as nothing found."""
    kind = readable_type(principal, release.ontology, name)
    if not kind.searchable:
        known = [each.name for each in readable_types(principal, release.ontology).values() if each.searchable]
        step = f"search one of {', '.join(known)}" if known else "give it a `search` in its spec, then run `palantir build`"
        raise QueryError(f"type: the texts of {name!r} are not searched", next_step=step)
    return kind.name
