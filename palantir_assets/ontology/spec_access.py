"""The nouns of access: roles, attributes, markings, policies, and what a policy is tested by.

What is named in none of them is denied. Whether the names in them exist and fit together is asked in
`ontology.access_rules`; what follows for a release, in `ontology.serving_access`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from palantir_assets.ontology.spec_words import Identifier, Labelled, Names, Owner, Scalar, Spec

Text = Annotated[str, Field(min_length=1, max_length=500)]


class Limits(Spec):
    """How much who holds a role may ask; of several roles the most generous figure holds. Left out: the service's own."""

    requests_per_second: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    burst: Annotated[int, Field(ge=1, le=10_000_000)] | None = Field(None, description="requests at once, before the rate holds")
    milliseconds_per_minute: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        None, description="time that answering may take within a minute"
    )


class Role(Spec):
    """What a caller may be. Who holds it holds those it includes too."""

    includes: Names = ()
    label: Labelled | None = None
    description: str = ""
    limits: Limits | None = None


class Marking(Spec):
    """A reason for which data is kept from most; it travels with the data. `roles` are those that bring it along."""

    roles: Names = ()
    label: Labelled | None = None
    description: str = ""
    sensitive: bool = Field(False, description="whether reads of what bears it go on record")


class Grant(Spec):
    """Who may: any of `roles`, who holds all of the markings in `needs`. Left out, `roles` are those of `default`."""

    roles: Names | None = None
    needs: Names = ()


class Default(Spec):
    """What holds where no policy says otherwise."""

    read: Grant = Grant()


class PropertyPolicy(Spec):
    """Who may read a property, beside those rules that hold for its object."""

    roles: Names | None = None
    needs: Names = ()
    discover: bool = Field(False, description="whether metadata names it to those who may not read it")
    sensitive: bool = Field(False, description="whether reads of objects with it go on record")


class LinkPolicy(Spec):
    """Who may walk a link, from either end, beside those rules that hold for the objects at its ends."""

    roles: Names | None = None
    needs: Names = ()


class Policy(Spec):
    """Who may read an object type, which of its objects, and which of their properties and links."""

    read: Grant = Grant()
    rows: Annotated[str, Field(min_length=1, max_length=2_000)] | None = Field(
        None, description="an expression over the object and `caller`; an object for which it is not true is hidden"
    )
    properties: dict[Identifier, PropertyPolicy] = Field({})
    links: dict[Identifier, LinkPolicy] = Field({})
    discover: bool = Field(False, description="whether metadata names the type to those who may not read it")
    sensitive: bool = Field(False, description="whether reads of its objects go on record")


class FunctionPolicy(Spec):
    """Who may call a function."""

    call: Grant = Grant()


class ModelPolicy(Spec):
    """Who may read a model: its card and its scores."""

    read: Grant = Grant()


class Declassification(Spec):
    """That a property bears markings no longer which came to it from what it is computed of: why, and by whom."""

    property: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$")]
    removes: Names = Field(min_length=1)
    because: Text
    by: Owner


class PolicyTest(Spec):
    """That a caller sees an object, or does not, and which of its properties are withheld."""

    as_: dict[Identifier, Scalar | tuple[Scalar, ...]] = Field(alias="as", description="roles, markings, id, and attributes")
    read: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}/[^\x00-\x1f]{1,500}$")] = Field(description="type/key")
    expect: Literal["visible", "hidden"]
    withheld: Names = ()
