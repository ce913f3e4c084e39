"""Objects found by text: `GET /api/platform/v1/search`. How they are matched is told in `search.retrieval`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from palantir_assets.engine.searching import MAX_HITS, MAX_TEXT, find
from palantir_assets.serving.deps import CurrentRelease
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded

router = APIRouter(prefix="/api/platform/v1", tags=["Search"], dependencies=CHECKED)


class HitView(BaseModel):
    """One object found; `by` names the ways it was found (words, meaning). Scores compare within one answer."""

    object_type: str
    key: str
    title: str
    score: float
    by: list[str]


class SearchView(BaseModel):
    query: str
    release_id: str
    data: list[HitView]


@router.get("/search")
@guarded("search.read")
def search(
    release: CurrentRelease,
    view: Viewed,
    q: Annotated[str, Query(min_length=1, max_length=MAX_TEXT, description="what to look for, in any language")],
    type: Annotated[str | None, Query(description="an object type to keep to")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_HITS)] = 10,
) -> SearchView:
    """The objects nearest to a text, best first."""
    hits = find(release, view, q, limit=limit, object_type=type)
    found = [HitView(object_type=hit.object_type, key=hit.key, title=hit.title, score=hit.score, by=list(hit.by)) for hit in hits]
    return SearchView(query=q, release_id=release.id, data=found)
