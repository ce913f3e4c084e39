"""The expression language over more than one thing: `bicycle.gears > 10 and "safety" in caller.roles`.

A dotted name is a name of its own (`bicycle.gears`), and `in` may stand before a list that a name holds. Here such an
expression is parsed and typed; it is evaluated by `ontology.evaluating` over the few values at hand, never by SQL.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from palantir_assets.ontology.expressions import ExpressionError, Kind, compile_tree, tree_of

SIGN: Final = "$"
"""What begins a value that is an expression: `$reason`. Twice, it is a text that begins with the sign."""


@lru_cache(maxsize=4096)
def parsed(text: str) -> ast.expr:
    """An expression's tree with every dotted name as one name; raises ExpressionError if it cannot be parsed."""
    return _dotted(text)


def typed(text: str, kinds: Mapping[str, Kind]) -> Kind:
    """The kind of an expression over names of the given kinds.

    >>> typed('bicycle.gears > 10', {"bicycle.gears": "number"})
    'boolean'

    Raises ExpressionError for an unknown name, a form outside the language, or kinds that do not fit.
    """
    tree = _Listed(kinds).visit(_dotted(text))
    _, kind = compile_tree(tree, kinds)
    return kind


def reads(text: str) -> frozenset[str]:
    """The names, dotted ones whole, that an expression reads; raises ExpressionError if it cannot be parsed."""
    nodes = list(ast.walk(parsed(text)))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    names = (node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in functions)
    return frozenset(name for name in names if name not in ("true", "false"))


def expression_of(value: object) -> str | None:
    """The expression that a declared value is, or None for one that is itself.

    >>> expression_of("$reason"), expression_of("$$5"), expression_of(7)
    ('reason', None, None)
    """
    if isinstance(value, str) and value.startswith(SIGN) and not value.startswith(SIGN * 2):
        return value[1:]
    return None


def plain_of(value: object) -> object:
    """A declared value that is itself: a doubled sign at its start is one."""
    return value[1:] if isinstance(value, str) and value.startswith(SIGN * 2) else value


def _dotted(text: str) -> ast.expr:
    tree = _Dotted().visit(tree_of(text).body)
    if not isinstance(tree, ast.expr):
        raise AssertionError("an expression stays one")
    return tree


class _Dotted(ast.NodeTransformer):
    """Turns `bicycle.gears` into one name. What is called is left alone: there are no methods."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        owner = self.visit(node.value)
        if not isinstance(owner, ast.Name):
            raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language")
        return ast.Name(f"{owner.id}.{node.attr}", ast.Load())


class _Listed(ast.NodeTransformer):
    """For typing only: `x in caller.roles` asks what `x == "…"` asks of x, a text."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.In, ast.NotIn)):
            return node
        right = node.comparators[0]
        if isinstance(right, ast.Name) and self.kinds.get(right.id) == "array":
            return ast.Compare(node.left, [ast.Eq()], [ast.Constant("")])
        return node
