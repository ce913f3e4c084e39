"""Row rules: typed, closed, their values only ever parameters, and null exactly where an evaluator in plain Python says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.row_rules import parse_row_rule
from palantir_assets.ontology.spec import AttributeType, PropertyType
from tests.fakes.nasty import NASTY

TYPES: dict[str, PropertyType] = {"region": "string", "owner": "string", "amount": "integer", "is_open": "boolean", "place": "geopoint"}
ATTRIBUTES: dict[str, AttributeType] = {"regions": "strings", "home": "string", "limit": "integer", "trusted": "boolean", "share": "double"}


def test_a_caller_s_values_are_named_parameters() -> None:
    rule = parse_row_rule('region in caller.regions or "all" in caller.regions', TYPES, ATTRIBUTES)
    listed = "CAST($caller_regions AS VARCHAR[])"
    assert rule.sql == f"TRY(((list_contains({listed}, \"region\")) OR (list_contains({listed}, 'all'))))"
    assert (rule.reads, rule.caller_names) == ({"region"}, {"regions"})


def test_what_a_caller_lacks_is_a_null_parameter() -> None:
    rule = parse_row_rule("region == caller.home and amount < caller.limit", TYPES, ATTRIBUTES)
    assert rule.parameters({"home": "north", "other": 1}) == {"caller_home": "north", "caller_limit": None}


def test_what_cannot_be_computed_of_one_object_denies_that_one() -> None:
    rule = parse_row_rule("amount * amount * amount < caller.limit", {"amount": "long"}, ATTRIBUTES)
    with duckdb.connect() as con:
        rows = "(VALUES (2::BIGINT), (9000000000000000000), (3)) t(amount)"
        found = con.execute(f"SELECT amount FROM {rows} WHERE {rule.sql}", rule.parameters({"limit": 100})).fetchall()
    assert found == [(2,), (3,)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("region in caller.region", "reads unknown attribute 'region' of the caller; did you mean 'regions'?"),
        ("region in caller.zzz", "reads unknown attribute 'zzz' of the caller; declare it under `attributes`"),
        ("regio == caller.home", "reads unknown property 'regio'"),
        ("region", "gives a string where a boolean is needed"),
        ("amount + 1", "gives a number where a boolean is needed"),
        ("region in caller.home", "'caller.home' is a string where a list is needed; compare it with =="),
        ("amount in caller.regions", "'caller.regions' is a list of strings, and a number is sought in it"),
        ("caller.regions == region", "'caller.regions' is an array, which can only be asked whether it is None"),
        ("amount == caller.home", "'caller.home' is a string where a number is needed"),
        ("place in caller.regions", "is a geopoint, which can only be asked"),
        ("caller", "reads unknown property 'caller'"),
        ("region.home == 'x'", "'region.home' is not part of the language; a row rule reads own properties and `caller`"),
        ("caller.home.upper == 'x'", "'caller.home.upper' is not part of the language"),
        ("caller.home.upper()", "unknown function"),
        ("__import__('os').system('true')", "unknown function"),
        ("[x for x in caller.regions]", "is not part of the language"),
        ("caller['home'] == 'x'", "is not part of the language"),
        ("region in", "cannot be parsed"),
        (" and ".join(["is_open"] * 300), "longer than 2000 characters"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse_row_rule(text, TYPES, ATTRIBUTES)
    assert told in str(refused.value)


@pytest.mark.parametrize("value", [text for text in NASTY if "\x00" not in text])
def test_whatever_a_caller_holds_is_only_a_value(value: str) -> None:
    rule = parse_row_rule("region in caller.regions and owner == caller.id", TYPES, ATTRIBUTES)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT * FROM (VALUES ('a', 'b'), (?, ?)) t(region, owner)", [value, value])
        found = con.execute(f"SELECT region FROM t WHERE {rule.sql}", rule.parameters({"regions": [value], "id": value})).fetchall()
    assert found == [(value,)]


# A law: what a rule gives, null included, is what an evaluator gives that shares no code with it.

Tree = tuple[Any, ...]
TEXTS = st.sampled_from(["north", "south", "all"])
NUMBERS = st.integers(0, 3)
STRINGS = st.one_of(
    st.sampled_from([("name", "region"), ("name", "owner"), ("caller", "home"), ("caller", "id"), ("none",)]),
    TEXTS.map(lambda text: ("text", text)),
)
INTEGERS = st.one_of(st.sampled_from([("name", "amount"), ("caller", "limit"), ("none",)]), NUMBERS.map(lambda number: ("number", number)))
LEAVES: st.SearchStrategy[Tree] = st.one_of(
    st.sampled_from([("name", "is_open"), ("caller", "trusted"), ("true",), ("false",)]),
    st.tuples(st.sampled_from(["==", "!="]), STRINGS, STRINGS),
    st.tuples(st.sampled_from(["==", "<", ">="]), INTEGERS, INTEGERS),
    st.tuples(st.sampled_from(["in", "not in"]), STRINGS, st.sampled_from([("caller", "regions"), ("caller", "roles")])),
    st.tuples(st.just("is None"), st.one_of(STRINGS, INTEGERS)),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.tuples(st.sampled_from(["and", "or"]), inner, inner), st.tuples(st.just("not"), inner)),
    max_leaves=8,
)
OBJECTS = st.fixed_dictionaries(
    {"region": st.none() | TEXTS, "owner": st.none() | TEXTS, "amount": st.none() | NUMBERS, "is_open": st.none() | st.booleans()}
)
CALLERS = st.fixed_dictionaries(
    {"id": TEXTS, "roles": st.lists(TEXTS, max_size=2)},
    optional={"home": TEXTS, "limit": NUMBERS, "trusted": st.booleans(), "regions": st.lists(TEXTS, max_size=2)},
)


def written(tree: Tree) -> str:
    match tree:
        case ("name", name):
            return str(name)
        case ("caller", name):
            return f"caller.{name}"
        case ("text" | "number", value):
            return repr(value)
        case ("none",):
            return "None"
        case ("true" | "false" as word,):
            return word
        case ("not", inner):
            return f"(not {written(inner)})"
        case ("is None", inner):
            return f"({written(inner)} is None)"
        case (operator, left, right):
            return f"({written(left)} {operator} {written(right)})"
    raise AssertionError(tree)


def value_of(tree: Tree, row: Mapping[str, Any], caller: Mapping[str, Any]) -> Any:
    """What a tree gives; None is null."""
    match tree:
        case ("name", name):
            return row[name]
        case ("caller", name):
            return caller.get(name)
        case ("text" | "number", value):
            return value
        case ("none",):
            return None
        case ("true",):
            return True
        case ("false",):
            return False
        case ("is None", inner):
            return value_of(inner, row, caller) is None
        case ("not", inner):
            found = value_of(inner, row, caller)
            return None if found is None else not found
    operator, left, right = tree[0], value_of(tree[1], row, caller), value_of(tree[2], row, caller)
    if operator in ("and", "or"):
        decides = operator == "or"
        if decides in (left, right) and (left is decides or right is decides):
            return decides
        return None if left is None or right is None else not decides
    if left is None or right is None:
        return None
    return {
        "==": lambda: left == right,
        "!=": lambda: left != right,
        "<": lambda: left < right,
        ">=": lambda: left >= right,
        "in": lambda: left in right,
        "not in": lambda: left not in right,
    }[operator]()


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@given(tree=RULES, row=OBJECTS, caller=CALLERS)
@settings(max_examples=400, deadline=None)
def test_null_means_what_it_means_in_an_evaluator_of_its_own(
    con: duckdb.DuckDBPyConnection, tree: Tree, row: dict[str, Any], caller: dict[str, Any]
) -> None:
    rule = parse_row_rule(written(tree), TYPES, ATTRIBUTES)
    columns = (
        "CAST($region AS VARCHAR) region, CAST($owner AS VARCHAR) AS owner, CAST($amount AS INT) amount, CAST($is_open AS BOOL) is_open"
    )
    asked = f"SELECT {rule.sql} FROM (SELECT {columns})"
    (found,) = con.execute(asked, row | rule.parameters(caller)).fetchall()
    assert found == (value_of(tree, row, caller),), (written(tree), row, caller)


def test_the_evaluator_knows_the_three_values() -> None:
    row, caller = {"region": None, "is_open": True}, {"regions": ["north"]}
    among: Tree = ("in", ("name", "region"), ("caller", "regions"))
    assert value_of(among, row, caller) is None
    assert value_of(("or", among, ("name", "is_open")), row, caller) is True
    assert value_of(("and", among, ("false",)), row, caller) is False
    assert value_of(("==", ("caller", "home"), ("text", "x")), row, caller) is None
