"""Row rules: which objects of a type a caller may see, as an expression over the object and `caller`.

The expression language with four more words: `caller.id`, `caller.roles`, `caller.<attribute>`, and `in` before one
of those that is a list. A caller's values are named parameters of the SQL (`$caller_cities`) and never text in it.
What a caller has, and how rows are found, is decided in `access` and `engine`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from palantir_assets.errors import did_you_mean
from palantir_assets.ontology.expressions import Compiler, ExpressionError, Kind, kind_of, tree_of
from palantir_assets.ontology.spec_words import AttributeType, PropertyType

CALLER: Final = "caller"
GIVEN: Final[Mapping[str, AttributeType]] = {"id": "string", "roles": "strings"}
"""What every caller has; an attribute may not take one of these names."""

_KINDS: Final[Mapping[AttributeType, Kind]] = {
    "string": "string",
    "integer": "number",
    "double": "number",
    "boolean": "boolean",
    "strings": "array",
}
_SQL: Final[Mapping[AttributeType, str]] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "strings": "VARCHAR[]",
}


@dataclass(frozen=True, slots=True)
class RowRule:
    """A row rule as SQL over property names: the properties it reads, and what it asks of the caller.

    What cannot be computed of an object, such as a product that is too large, is null there, and so denies.
    """

    text: str
    sql: str
    reads: frozenset[str]
    caller_names: frozenset[str]

    def parameters(self, caller: Mapping[str, object]) -> dict[str, object]:
        """The SQL's named parameters for a caller's values by name; what the caller lacks is null, and so denies."""
        return {f"caller_{name}": caller.get(name) for name in sorted(self.caller_names)}


def parse_row_rule(text: str, types: Mapping[str, PropertyType], attributes: Mapping[str, AttributeType]) -> RowRule:
    """Parse and type a row rule over properties and caller attributes of the given types.

    >>> parse_row_rule("owner == caller.id", {"owner": "string"}, {}).sql
    'TRY(("owner" = CAST($caller_id AS VARCHAR)))'

    Raises ExpressionError for a name that is in neither, a form outside the language, kinds that do not fit, or a
    rule that is no boolean.
    """
    compiler = _RuleCompiler({name: kind_of(type_) for name, type_ in types.items()}, {**attributes, **GIVEN})
    sql, kind = compiler.compile(tree_of(text).body)
    if kind not in ("boolean", "null"):
        raise ExpressionError(f"gives a {kind} where a boolean is needed")
    return RowRule(text, f"TRY({sql})", frozenset(compiler.reads), frozenset(compiler.asked))


class _RuleCompiler(Compiler):
    """The expression language, and what a caller has; notes what is read on the way."""

    def __init__(self, kinds: Mapping[str, Kind], attributes: Mapping[str, AttributeType]) -> None:
        super().__init__(kinds)
        self.attributes = attributes
        self.reads: set[str] = set()
        self.asked: set[str] = set()

    def _name(self, node: ast.Name) -> tuple[str, Kind]:
        sql, kind = super()._name(node)
        if node.id in self.kinds:
            self.reads.add(node.id)
        return sql, kind

    def _attribute(self, node: ast.Attribute) -> tuple[str, Kind]:
        if not isinstance(node.value, ast.Name) or node.value.id != CALLER:
            raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language; a row rule reads own properties and `caller`")
        if node.attr not in self.attributes:
            hint = did_you_mean(node.attr, self.attributes) or "declare it under `attributes`"
            raise ExpressionError(f"reads unknown attribute {node.attr!r} of the caller; {hint}")
        self.asked.add(node.attr)
        wanted = self.attributes[node.attr]
        return f"CAST($caller_{node.attr} AS {_SQL[wanted]})", _KINDS[wanted]

    def among(self, sql: str, kind: Kind, members: ast.expr, *, negated: bool) -> str:
        if not isinstance(members, ast.Attribute):
            return super().among(sql, kind, members, negated=negated)
        listed, listed_kind = self.compile(members)
        if listed_kind != "array":
            raise ExpressionError(f"{ast.unparse(members)!r} is a {listed_kind} where a list is needed; compare it with ==")
        if kind not in ("string", "null"):
            raise ExpressionError(f"{ast.unparse(members)!r} is a list of strings, and a {kind} is sought in it")
        return f"{'NOT ' if negated else ''}list_contains({listed}, {sql})"
