"""The expression language of derived properties: `delay_minutes > 15 and status != "cancelled"`.

Python's expression syntax, closed to everything but names, literals, comparisons, arithmetic, `and/or/not`,
`in [...]`, `is None` and the functions in `FUNCTIONS`. Null behaves as in SQL: it makes a comparison or a
sum null; `false and null` is false. Names are resolved by the caller; here an expression is parsed, typed
and turned into SQL, and nothing is ever evaluated by Python. Aggregates over links are taken out of an
expression in `aggregates` before it comes here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from palantir_assets.names import literal, quoted
from palantir_assets.ontology.expression_words import FUNCTIONS, ExpressionError, Function, Kind, kind_of
from palantir_assets.ontology.spec_words import PropertyType

__all__ = [
    "FUNCTIONS",
    "Compiler",
    "Expression",
    "ExpressionError",
    "Function",
    "Kind",
    "compile_tree",
    "kind_of",
    "names_in",
    "parse",
    "tree_of",
]

MAX_LENGTH: Final = 2_000
MAX_DEPTH: Final = 50

_COMPARED: Final = frozenset({"boolean", "number", "string", "date", "timestamp", "null"})
_COMPARISONS: Final = {ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_ARITHMETIC: Final = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed and typed expression: its SQL over column names, its kind, and the names it reads."""

    text: str
    sql: str
    kind: Kind
    reads: frozenset[str]


def names_in(text: str) -> frozenset[str]:
    """The names an expression reads; raises ExpressionError if it cannot be parsed."""
    nodes = list(ast.walk(tree_of(text)))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    names = (node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in functions)
    return frozenset(name for name in names if name not in ("true", "false"))


def parse(text: str, types: Mapping[str, PropertyType]) -> Expression:
    """Parse and type an expression over properties of the given types.

    >>> parse("quantity * price > 100", {"quantity": "integer", "price": "double"}).sql
    '(("quantity" * "price") > 100)'

    Raises ExpressionError for a name that is not in `types`, a form outside the language, or kinds that do not fit.
    """
    sql, kind = compile_tree(tree_of(text).body, {name: kind_of(type_) for name, type_ in types.items()})
    return Expression(text, sql, kind, names_in(text))


def compile_tree(node: ast.expr, kinds: Mapping[str, Kind]) -> tuple[str, Kind]:
    """The SQL and the kind of a parsed expression over names of the given kinds; raises ExpressionError as `parse` does."""
    return Compiler(kinds).compile(node)


def tree_of(text: str) -> ast.Expression:
    """An expression's syntax tree, bounded in length and depth; raises ExpressionError if it cannot be parsed."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"cannot be parsed: {getattr(error, 'msg', error)}") from None
    if _depth(tree) > MAX_DEPTH:
        raise ExpressionError(f"nested more than {MAX_DEPTH} deep")
    return tree


def spelled(text: str) -> str:
    """The expression as this language spells it: two texts that differ in white space, quotes or idle parentheses are one.

    >>> spelled("(amount>100)  and status == \"paid\"")
    "amount > 100 and status == 'paid'"

    Raises ExpressionError if it cannot be parsed. What would so become longer than an expression may be stays as it was.
    """
    spelling = ast.unparse(tree_of(text))
    return spelling if len(spelling) <= MAX_LENGTH else text


def _a(kind: Kind) -> str:
    return f"{'an' if kind == 'array' else 'a'} {kind}"


def _depth(tree: ast.AST) -> int:
    deepest, level = 0, [tree]
    while level:
        deepest, level = deepest + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return deepest


class Compiler:
    """One walk over the tree that gives the SQL and the kind of every node. `compile` raises ExpressionError."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds

    def compile(self, node: ast.expr) -> tuple[str, Kind]:
        visit: Callable[[ast.expr], tuple[str, Kind]] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if visit is None:
            raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language")
        return visit(node)

    def _name(self, node: ast.Name) -> tuple[str, Kind]:
        if node.id in ("true", "false"):
            return node.id.upper(), "boolean"
        if node.id not in self.kinds:
            raise ExpressionError(f"reads unknown property {node.id!r}")
        return quoted(node.id), self.kinds[node.id]

    def _constant(self, node: ast.Constant) -> tuple[str, Kind]:
        value = node.value
        if isinstance(value, bool):
            return str(value).upper(), "boolean"
        if isinstance(value, (int, float)) and abs(value) < 1e18:
            return repr(value), "number"
        if isinstance(value, str):
            return literal(value), "string"
        if value is None:
            return "NULL", "null"
        raise ExpressionError(f"{value!r} is not a value of the language")

    def _boolop(self, node: ast.BoolOp) -> tuple[str, Kind]:
        word = " AND " if isinstance(node.op, ast.And) else " OR "
        return "(" + word.join(self._of(value, "boolean") for value in node.values) + ")", "boolean"

    def _unaryop(self, node: ast.UnaryOp) -> tuple[str, Kind]:
        if isinstance(node.op, ast.Not):
            return f"(NOT {self._of(node.operand, 'boolean')})", "boolean"
        if isinstance(node.op, ast.USub):
            return f"(-{self._of(node.operand, 'number')})", "number"
        raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language")

    def _binop(self, node: ast.BinOp) -> tuple[str, Kind]:
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language")
        left, kind = self.compile(node.left)
        if operator == "+" and kind == "string":
            return f"({left} || {self._of(node.right, 'string')})", "string"
        return f"({self._of(node.left, 'number')} {operator} {self._of(node.right, 'number')})", "number"

    def _compare(self, node: ast.Compare) -> tuple[str, Kind]:
        parts, left = [], node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._comparison(left, operator, right))
            left = right
        return "(" + " AND ".join(parts) + ")", "boolean"

    def _comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> str:
        left_sql, left_kind = self.compile(left)
        if isinstance(operator, (ast.Is, ast.IsNot)):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise ExpressionError("`is` stands only before None")
            return f"{left_sql} IS {'NOT ' if isinstance(operator, ast.IsNot) else ''}NULL"
        if left_kind not in _COMPARED:
            raise ExpressionError(f"{ast.unparse(left)!r} is {_a(left_kind)}, which can only be asked whether it is None")
        if isinstance(operator, (ast.In, ast.NotIn)):
            return self.among(left_sql, left_kind, right, negated=isinstance(operator, ast.NotIn))
        return f"{left_sql} {_COMPARISONS[type(operator)]} {self._like(right, left_kind)}"

    def among(self, sql: str, kind: Kind, members: ast.expr, *, negated: bool) -> str:
        """The SQL of whether a value of a kind is among the members written after `in`, or `not in`."""
        if not isinstance(members, (ast.List, ast.Tuple)) or not members.elts:
            raise ExpressionError("`in` needs a list of values, such as [1, 2]")
        return f"{sql} {'NOT ' if negated else ''}IN ({', '.join(self._like(member, kind) for member in members.elts)})"

    def _call(self, node: ast.Call) -> tuple[str, Kind]:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        function = FUNCTIONS.get(name)
        if function is None:
            raise ExpressionError(f"unknown function {name!r}; there are {', '.join(sorted(FUNCTIONS))}")
        if node.keywords or len(node.args) != len(function.takes):
            raise ExpressionError(f"{name} takes {len(function.takes)} values")
        same: Kind | None = None
        arguments = []
        for argument, wanted in zip(node.args, function.takes, strict=True):
            sql, kind = self.compile(argument)
            if wanted == "same":
                same = kind if same in (None, "null") else same
                self._fits(argument, kind, same)
            elif wanted != "time":
                self._fits(argument, kind, wanted)
            elif kind not in ("date", "timestamp", "null"):
                raise ExpressionError(f"{ast.unparse(argument)!r} is a {kind} where a date or timestamp is needed")
            arguments.append(sql)
        return function.sql.format(*arguments), (same or "null") if function.gives == "same" else function.gives

    def _of(self, node: ast.expr, wanted: Kind) -> str:
        sql, kind = self.compile(node)
        self._fits(node, kind, wanted)
        return sql

    def _like(self, node: ast.expr, wanted: Kind) -> str:
        """The SQL of a value compared with one of kind `wanted`; a text becomes a date or timestamp there."""
        sql, kind = self.compile(node)
        if kind == "string" and wanted in ("date", "timestamp") and isinstance(node, ast.Constant):
            return f"CAST({sql} AS {wanted.upper()})"
        self._fits(node, kind, wanted)
        return sql

    def _fits(self, node: ast.expr, kind: Kind, wanted: Kind | None) -> None:
        if kind != wanted and kind != "null" and wanted not in (None, "null"):
            raise ExpressionError(f"{ast.unparse(node)!r} is a {kind} where a {wanted} is needed")
