"""Actions as a release holds them: all that is needed to describe, validate and plan one, and no setting of a channel.

`serving_actions` makes them from the specs; `actions` plans by them. A criterion, a condition and a text that begins
with `$` are of the expression language; what they may read is told in `ontology.criteria`.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from palantir_assets.ontology.served_parts import Served, Status
from palantir_assets.ontology.spec import Label, Scalar, ScalarType

Verb = Literal["create", "modify", "create_or_modify", "delete", "link", "unlink", "function"]
EffectKind = Literal["mail", "webhook", "materialize", "job"]


class ServedChoices(Served):
    """The values of a property over objects of a type; with `where`, over those for which it is true."""

    object: str
    property: str
    where: str | None = None


class ServedActionParameter(Served):
    """A scalar of `type`, or an object of the type `object` told by its key; or a `list` of such."""

    type: ScalarType | Literal["object"]
    object: str | None = None
    list: bool = False
    label: Label | None = None
    description: str = ""
    optional: bool = False
    default: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    choices: ServedChoices | None = None
    length: tuple[int, int] | None = None
    min: float | date | None = None
    max: float | date | None = None
    matches: str | None = None


class ServedCriterion(Served):
    that: str
    say: Label


class ServedStep(Served):
    """One thing an action does. `what` is an object type (create, create_or_modify), a parameter (modify, delete), a link or a function.

    Of a link, `source` and `target` are the parameters at its ends. A function is told what is `given`, by its parameters,
    and may change `edits`: object types, and links as `type.link`. A step whose `when` is not true is left out.
    """

    verb: Verb
    what: str
    source: str | None = None
    target: str | None = None
    key: Scalar | None = None
    set: dict[str, Scalar | None] = Field({})
    given: dict[str, Scalar | None] = Field({})
    edits: tuple[str, ...] = ()
    when: str | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """The object types of which a function may change objects."""
        return tuple(name for name in self.edits if "." not in name)

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """The links that a function may make and undo: the type that declares one, and its name there."""
        return tuple((owner, link) for owner, dot, link in (name.partition(".") for name in self.edits) if dot)


class ServedEffect(Served):
    """What follows: a mail by a template, another system told, assets made again, a job started."""

    kind: EffectKind
    names: tuple[str, ...]
    to: str | None = None


class ServedMail(Served):
    subject: Label
    text: Label


class ServedAction(Served):
    """An action. `allow` and `approve` are roles; an empty `approve` asks nobody."""

    name: str
    label: Label
    description: str = ""
    status: Status = "active"
    parameters: dict[str, ServedActionParameter] = Field({})
    allow: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    four_eyes: bool = True
    require: tuple[ServedCriterion, ...] = ()
    do: tuple[ServedStep, ...]
    then: tuple[ServedEffect, ...] = ()
    undo: tuple[ServedEffect, ...] = ()
