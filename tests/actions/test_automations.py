"""Rules over exact differences: when they fire, on what evidence, and when they would have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.actions.automations import Crossing, Objects, Rule, backtest, fires
from palantir_assets.actions.edits import Change, Values
from palantir_assets.ontology.served_parts import ServedType

KIND = ServedType.model_validate(
    {
        "name": "bike", "label": {"en": "Bike"}, "key": "k", "title": "{k}",
        "properties": {"k": {"type": "string"}, "km": {"type": "long", "optional": True}, "state": {"type": "string", "optional": True}},
    }
)  # fmt: skip
NOW: dict[str, Values] = {"a": {"k": "a", "km": "120", "state": "ready"}, "b": {"k": "b", "km": "80", "state": "lent"}}
CHANGES = (
    Change("modified", "bike", "a", {"km": ("90", "120")}),
    Change("modified", "bike", "b", {"state": ("ready", "lent")}),
    Change("created", "bike", "c", {"k": (None, "c"), "km": (None, "150")}),
    Change("deleted", "bike", "d", {"k": ("d", None), "state": ("scrapped", None)}),
    Change("created", "lock", "c", {"k": (None, "c")}),
)


def objects_of(values: dict[str, Values]) -> Objects:
    return lambda _, key: values.get(key)


def met(rule: Rule) -> list[str]:
    firing = fires(rule, CHANGES, at="r2", kind=KIND, objects=objects_of(NOW))
    return [evidence.change.key for evidence in firing.evidence] if firing else []


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        (Rule("r", "bike", "added"), ["c"]),
        (Rule("r", "bike", "removed"), ["d"]),
        (Rule("r", "bike", "modified"), ["a", "b"]),
        (Rule("r", "bike", "modified", properties=("state",)), ["b"]),
        (Rule("r", "bike", "modified", where="km > 100"), ["a"]),
        (Rule("r", "bike", "removed", where="state == 'scrapped'"), ["d"]),
        (Rule("r", "bike", "crossed", crossing=Crossing("km", above=100)), ["a", "c"]),
        (Rule("r", "bike", "crossed", crossing=Crossing("km", above=130)), ["c"]),
        (Rule("r", "bike", "crossed", crossing=Crossing("km", below=100)), []),
        (Rule("r", "bike", "modified", at_least=3), []),
        (Rule("r", "lock", "added"), ["c"]),
    ],
)
def test_a_rule_fires_on_what_it_looks_for(rule: Rule, keys: list[str]) -> None:
    assert met(rule) == keys


def test_a_firing_carries_the_objects_as_they_are() -> None:
    firing = fires(
        Rule("worn", "bike", "crossed", crossing=Crossing("km", above=100)), CHANGES, at="r2", kind=KIND, objects=objects_of(NOW)
    )
    assert firing is not None and (firing.rule, firing.at) == ("worn", "r2")
    assert [evidence.values for evidence in firing.evidence] == [NOW["a"], {"k": "c", "km": "150"}]


@given(st.lists(st.none() | st.integers(0, 20), min_size=1, max_size=12))
def test_a_backtest_fires_exactly_where_the_bound_was_crossed(readings: list[int | None]) -> None:
    steps = list(zip([None, *readings[:-1]], readings, strict=True))
    history = [
        (str(index), [Change("modified", "bike", "a", {"km": (before, now)})], objects_of({"a": {"k": "a", "km": now}}))
        for index, (before, now) in enumerate(steps)
    ]
    fired = backtest(Rule("worn", "bike", "crossed", crossing=Crossing("km", above=10)), history, kind=KIND)
    expected = [str(i) for i, (before, now) in enumerate(steps) if now is not None and now > 10 and (before is None or before <= 10)]
    assert [firing.at for firing in fired] == expected
