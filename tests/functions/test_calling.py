"""Parameters and results are typed on both sides, and errors say whose they are."""

from __future__ import annotations

import pytest

from palantir_assets.errors import NotFound, QueryError
from palantir_assets.functions.calling import InvalidParameter
from tests.functions.conftest import Shop


def test_every_kind_of_parameter_arrives_as_a_python_value(functions_shop: Shop) -> None:
    told = functions_shop.call(
        "echo", text="한국어", yes=True, large="9007199254740993", real=1, exact="12.30", day="2024-02-29",
        moment="2024-02-29T12:00:00+09:00", days=["2024-01-01"], pair={"name": "a", "day": None},
    )  # fmt: skip
    assert told == (
        "{'day': datetime.date(2024, 2, 29), 'days': [datetime.date(2024, 1, 1)], 'exact': Decimal('12.30'), 'large': 9007199254740993, "
        "'moment': datetime.datetime(2024, 2, 29, 3, 0), 'pair': {'day': None, 'name': 'a'}, 'real': 1.0, 'text': '한국어', 'yes': True}"
    )


def test_large_numbers_arrive_whole(functions_shop: Shop) -> None:
    assert functions_shop.call("echo", exact=10**30, real=10**300) == f"{{'exact': Decimal('{10**30}'), 'real': 1e+300}}"
    assert functions_shop.call("echo", large=-(2**63)) == f"{{'large': {-(2**63)}}}"


def test_an_object_arrives_in_full_with_python_values(functions_shop: Shop) -> None:
    told = str(functions_shop.call("echo", order=1))
    assert "'cents': 100000000000000," in told
    assert "'ordered_on': datetime.date(2024, 2, 2)" in told
    assert "'__primaryKey': 1" in told


def test_every_kind_of_result_is_told_as_objects_tell_it(functions_shop: Shop) -> None:
    assert functions_shop.call("every_kind") == {
        "string": "한국어",
        "boolean": True,
        "long": str(2**60),
        "double": 0.5,
        "decimal": "12.30",
        "date": "2024-02-29",
        "timestamp": "2024-02-29T03:00:00Z",
    }
    assert functions_shop.call("days") == ["2024-01-01", "2024-02-02", "2024-03-03"]
    assert functions_shop.call("first_order") == 0


def test_a_function_walks_links(functions_shop: Shop) -> None:
    assert functions_shop.call("spent", customer="it's") == sum(
        number * 0.5 for number in range(250) if number % 7 and _customer(number) == "it's"
    )


def _customer(number: int) -> str:
    from tests.fakes.release import NASTY_KEYS

    return sorted(NASTY_KEYS)[number % len(NASTY_KEYS)]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"text": 7}, "'text' of the function echo takes a value of type string, not 7"),
        ({"day": "2024-02-30"}, "'day' of the function echo takes a value of type date, not '2024-02-30'"),
        ({"days": "2024-01-01"}, "'days' of the function echo takes a list of date"),
        ({"days": ["2024-01-01", None]}, "'days' of the function echo takes a list of date, not None"),
        ({"pair": {"nam": "a"}}, "'pair' of the function echo has no field 'nam'; did you mean 'name'?"),
        ({"pair": []}, "'pair' of the function echo takes an object with day, name"),
        ({"txt": "a"}, "'txt' of the function echo is no parameter; did you mean 'text'?"),
        ({"order": "x"}, "'order' of the function echo takes the key of an object of order, not 'x'"),
    ],
)
def test_a_parameter_that_does_not_fit_is_the_callers_error(functions_shop: Shop, parameters: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        functions_shop.call("echo", **parameters)
    assert caught.value.message == told
    assert isinstance(caught.value, QueryError)
    assert (caught.value.function, caught.value.parameter) == ("echo", next(iter(parameters)))


def test_a_parameter_that_is_missing_is_named(functions_shop: Shop) -> None:
    with pytest.raises(InvalidParameter, match="'right' of the function add is missing"):
        functions_shop.call("add", left=1)


def test_an_object_that_is_not_there_is_not_found(functions_shop: Shop) -> None:
    with pytest.raises(NotFound, match="no order with key '999'"):
        functions_shop.call("echo", order=999)


def test_the_facade_offers_questions_and_no_changes(functions_shop: Shop) -> None:
    offered = [name for name in str(functions_shop.call("caller")).split(",") if not name.startswith("_")]
    assert offered == ["aggregate", "count", "each", "find", "get", "linked", "release_id", "set", "typed", "types_in"]
