"""The nouns of functions and metrics: what can be asked of a release by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from palantir_assets.ontology.spec_words import Identifier, Labelled, ScalarType, Spec

Entry = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_-]+/){0,8}[A-Za-z0-9_]+\.py:[a-z_][a-z0-9_]{0,62}$")]
Version = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}$")]
TimeLimit = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}(ms|s)$")]


class Parameter(Spec):
    """What a function takes or gives: a scalar, an object or a set of objects of a type, or an array or struct of scalars.

    `edits` is only ever given: what an action is to change.
    """

    type: ScalarType | Literal["object", "object_set", "array", "struct", "edits"]
    object: Identifier | None = None
    of: ScalarType | None = None
    fields: dict[Identifier, ScalarType] | None = Field(None, min_length=1, max_length=100)
    optional: bool = False
    label: Labelled | None = None
    description: str = ""


def _parameter(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


Typed = Annotated[Parameter, BeforeValidator(_parameter, json_schema_input_type=ScalarType | Parameter)]
Given = Annotated[Parameter, BeforeValidator(_parameter, json_schema_input_type=ScalarType | Literal["edits"] | Parameter)]


class Function(Spec):
    """A Python function over objects, in a file beside the specs; its source is sealed into every release."""

    entry: Entry = Field(description="file.py:function, from the folder of the spec that names it")
    version: Version
    label: Labelled | None = None
    description: str = ""
    parameters: dict[Identifier, Typed] = Field({})
    output: Given
    time_limit: TimeLimit = "5s"

    @property
    def seconds(self) -> float:
        """The time limit as a number."""
        return int(self.time_limit[:-2]) / 1000 if self.time_limit.endswith("ms") else float(self.time_limit[:-1])


class Metric(Spec):
    """A named aggregate that answers the same wherever it is asked."""

    label: Labelled | None = None
    description: str = ""
    unit: str | None = None
    query: dict[str, object] = Field(description="an aggregate query: object or set, and any of where, group_by, aggregations")
