"""Objects by an interface are checked through Foundry's client; here, what a caller without rights is told."""

from __future__ import annotations

from typing import Any

import pytest

from palantir_assets.access.views import view_of
from palantir_assets.errors import UnknownName
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.serving.bodies import InterfaceSearchRequest
from palantir_assets.serving.interfaces import _narrowed
from tests.fakes.release import NOBODY, ONTOLOGY, VIEWER, open_to_viewers, seen


def ontology() -> ServedOntology:
    told: dict[str, Any] = ONTOLOGY.model_dump()
    told["interfaces"] = {"named": {"name": "named", "label": {"en": "Named"}}}
    for name in ("customer", "order"):
        told["types"][name]["implements"] = {"named": {}}
    return ServedOntology.model_validate(told)


def only_customers() -> ServedOntology:
    rules = open_to_viewers(ontology())
    access = rules.model_copy(update={"types": {"customer": rules.types["customer"]}})
    return view_of(VIEWER, ontology(), access, lambda name: True).ontology


def test_a_search_of_an_interface_asks_only_types_that_may_be_read() -> None:
    body = InterfaceSearchRequest.model_validate({})
    parts: Any = _narrowed(ontology(), "named", body)["set"]
    assert [part["objectSet"]["objectType"] for part in parts["objectSets"]] == ["customer", "order"]
    some: Any = _narrowed(only_customers(), "named", body)["set"]
    assert [part["objectSet"]["objectType"] for part in some["objectSets"]] == ["customer"]
    with pytest.raises(UnknownName, match="unknown interface 'named'"):
        _narrowed(seen(ontology(), NOBODY).ontology, "named", body)


def test_a_type_that_may_not_be_read_is_selected_no_more_than_one_that_does_not_exist() -> None:
    for name in ("order", "nope"):
        with pytest.raises(UnknownName, match=f"unknown object type '{name}'"):
            _narrowed(only_customers(), "named", InterfaceSearchRequest.model_validate({"selectedObjectTypes": [name]}))
