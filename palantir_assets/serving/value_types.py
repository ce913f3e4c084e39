"""Value types: named types with what their values must be, in the shape of Foundry's Ontologies API v2."""

from __future__ import annotations

from fastapi import APIRouter

from palantir_assets.errors import UnknownName
from palantir_assets.serving import views
from palantir_assets.serving.deps import check_ontology
from palantir_assets.serving.describing import value_type_view
from palantir_assets.serving.languages import Spoken
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded

router = APIRouter(prefix="/api/v2/ontologies", tags=["Value types"], dependencies=CHECKED)


@router.get("/{ontology}/valueTypes")
@guarded("ontologies.read")
async def list_value_types(ontology: str, view: Viewed, language: Spoken) -> views.ValueTypeList:
    """Every value type."""
    check_ontology(ontology)
    return views.ValueTypeList(data=[value_type_view(name, what, language) for name, what in view.ontology.value_types.items()])


@router.get("/{ontology}/valueTypes/{value_type}")
@guarded("ontologies.read")
async def get_value_type(ontology: str, value_type: str, view: Viewed, language: Spoken) -> views.ValueTypeView:
    """One value type."""
    check_ontology(ontology)
    known = view.ontology.value_types
    if value_type not in known:
        raise UnknownName("value type", value_type, known)
    return value_type_view(value_type, known[value_type], language)
