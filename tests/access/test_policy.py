from __future__ import annotations

import pytest

from palantir_assets.access.policy import Allowed, Refusal, may_read, readable_link, readable_type
from palantir_assets.access.principal import LOCAL, Principal
from palantir_assets.errors import UnknownName
from tests.fakes.release import ONTOLOGY

NOBODY = Principal("nobody")


def test_whoever_reaches_loopback_may_read() -> None:
    assert may_read(LOCAL, ONTOLOGY.types["order"]) == Allowed()


def test_a_refusal_says_why() -> None:
    assert may_read(NOBODY, ONTOLOGY.types["order"]) == Refusal("reading order needs the role viewer")


def test_a_refused_type_and_a_missing_one_are_told_in_the_same_words() -> None:
    with pytest.raises(UnknownName) as refused:
        readable_type(NOBODY, ONTOLOGY, "order")
    with pytest.raises(UnknownName) as missing:
        readable_type(NOBODY, ONTOLOGY, "absent")
    assert str(refused.value).replace("order", "absent") == str(missing.value)


def test_a_refused_type_is_not_suggested() -> None:
    with pytest.raises(UnknownName, match=r"^unknown object type 'ordr'$"):
        readable_type(NOBODY, ONTOLOGY, "ordr")
    with pytest.raises(UnknownName, match="did you mean 'order'"):
        readable_type(LOCAL, ONTOLOGY, "ordr")


def test_a_link_is_found_from_both_ends() -> None:
    assert readable_link(LOCAL, ONTOLOGY, ONTOLOGY.types["order"], "customer").direction == "forward"
    assert readable_link(LOCAL, ONTOLOGY, ONTOLOGY.types["customer"], "orders").direction == "reverse"
