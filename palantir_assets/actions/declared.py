"""A value that a step declares, as the action was told: itself, or what the expression that it is gives."""

from __future__ import annotations

from typing import Any

from palantir_assets.actions.drafts import Wrong
from palantir_assets.actions.edits import Json
from palantir_assets.actions.parameters import Told
from palantir_assets.actions.values import python_value
from palantir_assets.ontology.criteria import expression_of, plain_of
from palantir_assets.ontology.evaluating import evaluate
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.spec import PropertyType


def value_of(declared: Json, kind: PropertyType, heard: Told) -> Any:
    """A declared value as Python has it. Raises Wrong for an expression that gives none."""
    text = expression_of(declared)
    return python_value(kind, plain_of(declared)) if text is None else evaluated(text, heard)


def evaluated(text: str, heard: Told) -> Any:
    """What an expression gives. Raises Wrong where it gives nothing."""
    try:
        return evaluate(text, heard.names)
    except ExpressionError as error:
        raise Wrong(str(error), f"식을 계산할 수 없습니다: {error}") from None
