"""The nouns of actions: what people may change, who may, what must hold before and what follows after.

A value in `set`, `key` or an effect is itself, or, as a text that begins with `$`, an expression over the parameters:
`$reason`, `$bicycle.gears + 1`, `$now`. Whether names exist and fit is asked in `ontology.action_rules`; what an action
does, in `actions`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from palantir_assets.ontology.spec_words import Identifier, Labelled, Names, Scalar, ScalarType, Spec, Status, texts

Conflict = Literal["edit_wins", "latest_wins", "source_wins"]
"""What a build keeps where people and the source say different things."""

EDITS: Final = "edits"
"""`from: edits`: a property that no column holds, and only actions set."""

VERBS: Final = ("create", "modify", "create_or_modify", "delete", "link", "unlink", "function")
EFFECTS: Final = ("mail", "webhook", "materialize", "job")

Condition = Annotated[str, Field(min_length=1, max_length=2_000)]
Recipient = Annotated[str, StringConstraints(pattern=r"^(role:[a-z][a-z0-9_]{0,62}|caller|[^@\s]+@[^@\s]+)$")]
Asset = Annotated[str, StringConstraints(pattern=r"^(staging|marts|objects|links|graph|search|learning)\.[a-z][a-z0-9_]{0,62}$")]
Changed = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}(\.[a-z][a-z0-9_]{0,62})?$")]
Changes = Annotated[tuple[Changed, ...], BeforeValidator(texts, json_schema_input_type=Changed | tuple[Changed, ...])]
Value = Scalar | None


class Choices(Spec):
    """The values a parameter may have, as those of a property in a set of objects, at the moment of asking."""

    object: Identifier
    property: Identifier
    where: Condition | None = Field(None, description="an expression over the objects' properties; only those for which it is true")


class ActionParameter(Spec):
    """What an action is told: a scalar, or an object by its key; with `list`, some of them."""

    type: ScalarType | None = None
    object: Identifier | None = None
    list: bool = False
    label: Labelled | None = None
    description: str = ""
    optional: bool = False
    default: Value = Field(None, description="a value, or an expression after `$`: `$today`, `$bicycle.home`")
    one_of: tuple[Scalar, ...] | None = Field(None, min_length=1)
    choices: Choices | None = Field(None, alias="from")
    length: tuple[int, int] | None = None
    min: float | date | None = None
    max: float | date | None = None
    matches: str | None = Field(None, max_length=500)


def _parameter(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


Told = Annotated[ActionParameter, BeforeValidator(_parameter, json_schema_input_type=ScalarType | ActionParameter)]


class Allow(Spec):
    """Who may apply an action: any of the roles."""

    roles: Names = Field(min_length=1)


class Approve(Spec):
    """Who must agree before it happens; with `four_eyes` never the one who asked."""

    roles: Names = Field(min_length=1)
    four_eyes: bool = True


class Criterion(Spec):
    """What must be true for an action to be submitted, and what people are told where it is not."""

    that: Condition
    say: Labelled


class LinkStep(Spec):
    """A link between two objects: `from` has it, under its own name, and it leads `to` the other."""

    from_: Identifier = Field(alias="from")
    link: Identifier
    to: Identifier


class Step(Spec):
    """One thing that an action does: exactly one of its verbs. With `when`, only where that is true."""

    create: Identifier | None = Field(None, description="an object type")
    modify: Identifier | None = Field(None, description="a parameter that is an object")
    create_or_modify: Identifier | None = Field(None, description="an object type")
    delete: Identifier | None = Field(None, description="a parameter that is an object")
    link: LinkStep | None = None
    unlink: LinkStep | None = None
    function: Identifier | None = Field(None, description="a function whose output is `edits`")
    key: Value = Field(None, description="the key of what is created")
    set: dict[Identifier, Value] = Field({})
    with_: dict[Identifier, Value] = Field({}, alias="with", description="what a function is told, by its parameters")
    edits: Changes = Field((), description="what a function may change: object types, and `type.link` for links via a table")
    when: Condition | None = Field(None, description="an expression; the step is left out unless it is true")

    @model_validator(mode="after")
    def _one_verb(self) -> Step:
        said = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(said) != 1:
            raise ValueError(f"a step does exactly one of {', '.join(VERBS)}")
        return self

    @property
    def verb(self) -> str:
        """Which of the verbs it is."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)


class MailStep(Spec):
    """A mail by a template."""

    to: Recipient
    template: Identifier


class Effect(Spec):
    """What follows an applied action, or its reversal: exactly one of these."""

    mail: MailStep | None = None
    webhook: Identifier | None = None
    materialize: tuple[Asset, ...] | None = Field(None, min_length=1)
    job: Identifier | None = None

    @model_validator(mode="after")
    def _one_effect(self) -> Effect:
        if sum(getattr(self, kind) is not None for kind in EFFECTS) != 1:
            raise ValueError(f"an effect is exactly one of {', '.join(EFFECTS)}")
        return self


class Action(Spec):
    """Something people may do: what it needs to be told, who may do it, what it changes and what follows."""

    label: Labelled
    description: str = ""
    status: Status = "active"
    parameters: dict[Identifier, Told] = Field({})
    allow: Allow
    approve: Approve | None = None
    require: tuple[Criterion, ...] = ()
    do: tuple[Step, ...]
    then: tuple[Effect, ...] = ()
    undo: tuple[Effect, ...] = ()


class Mail(Spec):
    """A mail's words. `{reason}` is a parameter, `{bicycle.title}` a property of one that is an object."""

    subject: Labelled
    text: Labelled


class Webhook(Spec):
    """Another system that is told. Where it is, and the secret that signs, are settings and never a spec's text."""

    label: Labelled
    description: str = ""
