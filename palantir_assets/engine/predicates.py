"""A typed filter as a SQL condition: identifiers through `names.quoted`, every value a parameter.

Nulls need no care here: SQL's three values are the semantics that `query.where` promises.
"""

from __future__ import annotations

from typing import Final

from palantir_assets.names import quoted
from palantir_assets.query.values import Value
from palantir_assets.query.where import AnyOf, Compare, Every, IsNull, Not, OneOf, Operator, Predicate, StartsWith

Sql = tuple[str, list[Value | list[Value]]]

_OPERATORS: Final[dict[Operator, str]] = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def condition(predicate: Predicate) -> Sql:
    """The condition and its parameters, in order.

    >>> from palantir_assets.query.where import Compare
    >>> condition(Compare("price", "gt", 3))
    ('"price" > ?', [3])
    """
    match predicate:
        case Compare(field, op, value):
            return f"{quoted(field)} {_OPERATORS[op]} ?", [value]
        case OneOf(field, values):
            return f"{quoted(field)} = ANY(?)", [list(values)]  # one parameter: a thousand of them cost seconds
        case IsNull(field):
            return f"{quoted(field)} IS NULL", []
        case StartsWith(field, prefix):
            return f"starts_with({quoted(field)}, ?)", [prefix]
        case Not(part):
            text, values_of_part = condition(part)
            return f"(NOT {text})", values_of_part
        case Every(parts):
            return _joined(parts, " AND ", empty="true")
        case AnyOf(parts):
            return _joined(parts, " OR ", empty="false")


def _joined(parts: tuple[Predicate, ...], word: str, *, empty: str) -> Sql:
    conditions = [condition(part) for part in parts]
    text = word.join(text for text, _ in conditions) or empty
    return f"({text})", [value for _, values in conditions for value in values]
