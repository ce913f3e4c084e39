"""Which ends of a link may not be shared, by how it goes and what its cardinality says."""

from __future__ import annotations

import pytest

from palantir_assets.assets.links import bounded
from palantir_assets.ontology.spec import Link

VIA = {"via": {"table": "marts.x", "source": "a", "target": "b"}}


@pytest.mark.parametrize(
    ("goes", "cardinality", "columns"),
    [
        ({"by": "x_id"}, "many_to_one", ()),
        ({"by": "x_id"}, "one_to_one", ("target_row",)),
        (VIA, "many_to_many", ()),
        (VIA, "many_to_one", ("source_row",)),
        (VIA, "one_to_one", ("target_row", "source_row")),
    ],
)
def test_an_end_that_may_not_be_shared_is_checked(goes: dict[str, object], cardinality: str, columns: tuple[str, ...]) -> None:
    link = Link.model_validate({"to": "x", "reverse": "ys", "cardinality": cardinality, **goes})
    assert bounded(link) == columns


def test_a_link_via_a_table_is_many_to_many_unless_said_otherwise() -> None:
    assert Link.model_validate({"to": "x", "reverse": "ys", **VIA}).cardinality == "many_to_many"
    assert Link.model_validate({"to": "x", "reverse": "ys", "by": "x_id"}).cardinality == "many_to_one"
