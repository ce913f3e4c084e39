"""The expression language evaluated in Python over values at hand, with the nulls, numbers and texts of the SQL it compiles to.

For a handful of objects: criteria of actions, conditions of rules. What is asked of whole tables is compiled by
`ontology.expressions`; that both say the same is held by a test over thousands of expressions. Only here do numbers
never overflow. An expression has been typed (`ontology.criteria.typed`) before it comes here.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from palantir_assets.ontology.criteria import parsed
from palantir_assets.ontology.evaluated_functions import CALLED, decimal_or_float
from palantir_assets.ontology.expressions import ExpressionError


def evaluate(text: str, names: Mapping[str, object]) -> Any:
    """The value of an expression over values by name; a name that is missing is null.

    Values are None, bool, int, float, Decimal, str, date, datetime without offset, lists, and mappings for geopoints.

    >>> evaluate("bicycle.gears > 10 and bicycle.state != 'scrapped'", {"bicycle.gears": 12})

    >>> evaluate("seats / 2", {"seats": 7})
    3.5

    Raises ExpressionError for an expression that cannot be parsed, and for a text that is no date where one is compared.
    """
    return _value(parsed(text), names)


def holds(text: str, names: Mapping[str, object]) -> bool:
    """Whether a condition is true: null is not; raises ExpressionError as `evaluate` does."""
    return evaluate(text, names) is True


def _value(node: ast.expr, names: Mapping[str, object]) -> Any:
    evaluator = _EVALUATORS.get(type(node))
    if evaluator is None:
        raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language")
    return evaluator(node, names)


def _name(node: ast.Name, names: Mapping[str, object]) -> Any:
    if node.id in ("true", "false"):
        return node.id == "true"
    return names.get(node.id)


def _constant(node: ast.Constant, _names: Mapping[str, object]) -> Any:
    """A number with a point is a decimal, as in SQL; one that is written with an exponent is not."""
    value = node.value
    return Decimal(repr(value)) if isinstance(value, float) and "e" not in repr(value) else value


def _boolop(node: ast.BoolOp, names: Mapping[str, object]) -> bool | None:
    decisive = isinstance(node.op, ast.Or)
    values = [_value(value, names) for value in node.values]
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _unaryop(node: ast.UnaryOp, names: Mapping[str, object]) -> Any:
    value = _value(node.operand, names)
    if value is None:
        return None
    return (not value) if isinstance(node.op, ast.Not) else -value


def _binop(node: ast.BinOp, names: Mapping[str, object]) -> Any:
    left, right = _value(node.left, names), _value(node.right, names)
    if left is None or right is None:
        return None
    if isinstance(left, str):
        return left + right
    left, right = decimal_or_float(left, right)
    return _OPERATORS[type(node.op)](left, right)


def _compare(node: ast.Compare, names: Mapping[str, object]) -> bool | None:
    result: bool | None = True
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        found = _comparison(left, operator, right, names)
        result = False if found is False or result is False else None if found is None or result is None else True
        left = right
    return result


def _comparison(left: ast.expr, operator: ast.cmpop, right: ast.expr, names: Mapping[str, object]) -> bool | None:
    value = _value(left, names)
    if isinstance(operator, (ast.Is, ast.IsNot)):
        return (value is None) == isinstance(operator, ast.Is)
    if isinstance(operator, (ast.In, ast.NotIn)):
        found = _among(value, right, names)
        return found if found is None or isinstance(operator, ast.In) else not found
    return _ordered(value, operator, _value(right, names))


def _among(value: Any, members: ast.expr, names: Mapping[str, object]) -> bool | None:
    """Null is in no list, and no list with a null in it is sure not to hold a value; a list that a name holds has no nulls."""
    if not isinstance(members, (ast.List, ast.Tuple)):
        held = _value(members, names)
        return None if value is None or held is None else value in held
    found = [_ordered(value, ast.Eq(), _value(member, names)) for member in members.elts]
    return True if True in found else None if None in found else False


def _ordered(left: Any, operator: ast.cmpop, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, date) and isinstance(right, str):
        right = _moment(right, like=left)
    before, after = _key(left, right)
    return bool(_COMPARISONS[type(operator)](before, after))


def _moment(text: str, *, like: date) -> date:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ExpressionError(f"{text!r} is no {'timestamp' if isinstance(like, datetime) else 'date'}") from None
    return found.replace(tzinfo=None) if isinstance(like, datetime) else found.date()


def _key(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values as they are compared: among numbers what is not a number equals itself and is the greatest."""
    if isinstance(left, bool) or not isinstance(left, int | float | Decimal):
        return left, right
    return tuple((math.isnan(one), 0 if math.isnan(one) else one) for one in decimal_or_float(left, right))  # type: ignore[return-value]  # of two, two


def _call(node: ast.Call, names: Mapping[str, object]) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in CALLED:
        raise ExpressionError(f"unknown function {name!r}")
    return CALLED[name]([_value(argument, names) for argument in node.args])


def _divided(left: Any, right: Any) -> float | None:
    """A quotient is always a floating number; by zero there is none, or an infinite one, as in SQL."""
    whole, part = float(left), float(right)
    if part:
        return whole / part
    return math.nan if not whole or math.isnan(whole) else math.copysign(math.inf, whole) * math.copysign(1.0, part)


def _remainder(left: Any, right: Any) -> Any:
    """With the sign of the dividend."""
    if isinstance(left, float) or isinstance(right, float):
        return math.fmod(left, right) if right and math.isfinite(left) else math.nan
    if not right:
        return None
    return left % right if isinstance(left, Decimal) else int(math.copysign(1, left)) * (abs(left) % abs(right))


_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: _divided,
    ast.Mod: _remainder,
}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
}
_EVALUATORS: Final[dict[type[ast.expr], Callable[[Any, Mapping[str, object]], Any]]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.BoolOp: _boolop,
    ast.UnaryOp: _unaryop,
    ast.BinOp: _binop,
    ast.Compare: _compare,
    ast.Call: _call,
}
