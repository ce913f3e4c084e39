"""A query as a graph of columns: what an expression in it reads, followed through CTEs and subqueries to tables.

How text becomes scopes is decided in `parsing`; here they are walked. What cannot be followed with certainty raises
`Unreadable`, and nothing is ever left out. Which expressions make a column's value is asked in `columns`, which ones decide the
rows in `conditions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from palantir_assets.lineage.parsing import BARE, Schemas, Unreadable, is_loose, own_nodes, parse_select, upward

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

_OPAQUE: Final = frozenset({"query", "query_table", "getvariable"})
"""Functions that read what their text or the session names: nobody can tell what from."""


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """One column of one table, such as `raw.shop__orders` and `amount`."""

    table: str
    name: str


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression and the scope that its names are looked up in."""

    node: exp.Expression
    scope: Scope


def read(sql: str, schemas: Schemas) -> Query:
    """A SELECT whose expressions can be followed; raises Unreadable for one that cannot be."""
    return Query(parse_select(sql, schemas), schemas)


class Query:
    """A SELECT that was read: its scopes, and every expression in it as columns of tables."""

    def __init__(self, root: Scope, schemas: Schemas) -> None:
        self.root = root
        self.scopes: tuple[Scope, ...] = tuple(root.traverse())
        self._by_query = {id(scope.expression): scope for scope in self.scopes}
        self._schemas = {table.casefold(): (table, {name.casefold(): name for name in names}) for table, names in schemas.items()}
        self._recursive = _recursive(root.expression)

    def outputs(self) -> dict[str, list[Expression]]:
        """The expressions that make each column of the result; more than one where queries are joined by UNION."""
        found: dict[str, list[Expression]] = {}
        for name in _names(self.root):
            found.setdefault(name, []).extend(self._projected(self.root, name))
        return found

    def projections(self, scope: Scope) -> list[Expression]:
        """Every expression that a query selects, in all its branches."""
        if scope.set_operation_scopes:
            return [one for branch in scope.set_operation_scopes for one in self.projections(branch)]
        return [Expression(node, scope) for node in scope.expression.expressions]

    def columns(self, starts: Iterable[Expression]) -> frozenset[Column]:
        """Every column of a table that the expressions are computed from; raises Unreadable."""
        front, seen, found = list(starts), set[int](), set[Column]()
        while front:
            one = front.pop()
            if id(one.node) in seen:
                continue
            seen.add(id(one.node))
            for step in self._read_by(one):
                if isinstance(step, Column):
                    found.add(step)
                else:
                    front.append(step)
        return frozenset(found)

    def tables(self) -> list[str]:
        """The tables of the warehouse that the query names, in their own spelling."""
        from sqlglot import exp

        named = {f"{table.db}.{table.name}".casefold() for table in self.root.expression.find_all(exp.Table) if table.db}
        return sorted(self._table(table)[0] for table in named)

    def _read_by(self, one: Expression) -> Iterator[Column | Expression]:
        """What an expression reads itself: columns of tables, and expressions that must be followed further."""
        from sqlglot import exp

        for node in own_nodes(one.node):
            if isinstance(node, exp.Query):
                yield from self.projections(self._scope_of(node))
            elif isinstance(node, exp.TableColumn):
                yield from self._whole_row(node.name, one.scope)
            elif isinstance(node, exp.Column):
                yield from self._of_column(node, one.scope)
            elif isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
                raise Unreadable("a star that is not known column by column")
            elif isinstance(node, exp.PositionalColumn) or (isinstance(node, exp.Identifier) and is_loose(node)):
                raise Unreadable(f"the name {node.name} is not known for a column")
            elif isinstance(node, exp.Anonymous) and node.name.casefold() in _OPAQUE:
                raise Unreadable(f"the function {node.name} reads what its text names")

    def _of_column(self, column: exp.Column, scope: Scope) -> Iterator[Column | Expression]:
        if not column.table or BARE in column.meta:
            aliased = list(_aliased(column, scope))  # another column of the same SELECT may be meant
            yield from aliased
            if not column.table:
                named = list(self._unqualified(column.name, scope))
                if not named and not aliased:
                    raise Unreadable(f"the column {column.name} is in no table that is known")
                yield from named
                return
        place: Scope | None = scope
        while place is not None and column.table not in place.sources:
            place = place.parent
        if place is None:
            raise Unreadable(f"nothing is called {column.table}")
        yield from self._of_source(column.table, column.name, place)

    def _unqualified(self, name: str, scope: Scope) -> Iterator[Column | Expression]:
        """Whatever a name without a table can mean: an output of a UNION, or a column of any source around it."""
        place: Scope | None = scope
        while place is not None:
            if place.set_operation_scopes and name in _names(place):
                yield from self._projected(place, name)
            for source in place.sources:
                if name in self._columns_of(source, place):
                    yield from self._of_source(source, name, place)
            place = place.parent

    def _whole_row(self, source: str, scope: Scope) -> Iterator[Column | Expression]:
        if source not in scope.sources:
            raise Unreadable(f"nothing is called {source}")
        for name in self._columns_of(source, scope):
            yield from self._of_source(source, name, scope)

    def _of_source(self, name: str, column: str, scope: Scope) -> Iterator[Column | Expression]:
        """One column of something that a query selects from."""
        from sqlglot import exp

        source = scope.sources[name]
        if isinstance(source, exp.Table):
            yield from self._of_table(source, column, scope)
        elif isinstance(source.expression, exp.Query):
            yield from self._projected(source, column)
        else:
            yield Expression(source.expression, source)  # UNNEST, LATERAL, VALUES: all that it is given

    def _of_table(self, table: exp.Table, column: str, scope: Scope) -> Iterator[Column | Expression]:
        from sqlglot import exp

        if not table.db:
            if not isinstance(table.this, exp.Func):
                raise Unreadable(f"the table {table.name} is in no schema")
            yield Expression(table.this, scope)  # a table function: all that it is given
            return
        spelling, columns = self._table(f"{table.db}.{table.name}")
        if column not in columns:
            raise Unreadable(f"{spelling} has no column {column}")
        yield Column(spelling, columns[column])

    def _projected(self, scope: Scope, name: str) -> list[Expression]:
        """What a query selects under a name. In a recursive CTE each column may come to depend on every other."""
        if self._recursive and self._in_recursion(scope):
            return self._recursion(scope)
        if scope.set_operation_scopes:
            found = self._in_branches(scope, name)
        else:
            found = [Expression(node, scope) for node in scope.expression.expressions if node.alias_or_name == name]
        if not found:
            raise Unreadable(f"a subquery has no column {name}")
        return found

    def _in_branches(self, scope: Scope, name: str) -> list[Expression]:
        if scope.expression.args.get("by_name"):
            return [one for branch in scope.set_operation_scopes if name in _names(branch) for one in self._projected(branch, name)]
        places = [index for index, other in enumerate(_names(scope)) if other == name]
        return [one for branch in scope.set_operation_scopes for place in places for one in self._projected(branch, _names(branch)[place])]

    def _in_recursion(self, scope: Scope) -> bool:
        return any(id(node) in self._recursive for node in upward(scope.expression))

    def _recursion(self, scope: Scope) -> list[Expression]:
        outer = next(node for node in upward(scope.expression) if id(node) in self._recursive)
        within = [one for one in self.scopes if any(node is outer for node in upward(one.expression))]
        return [Expression(node, one) for one in within for node in getattr(one.expression, "expressions", ())]

    def _columns_of(self, name: str, scope: Scope) -> list[str]:
        from sqlglot import exp

        source = scope.sources[name]
        if not isinstance(source, exp.Table):
            is_query = isinstance(source.expression, exp.Query)
            return _names(source) if is_query else list(source.expression.alias_column_names)
        return list(self._table(f"{source.db}.{source.name}")[1]) if source.db else list(source.alias_column_names)

    def _table(self, name: str) -> tuple[str, Mapping[str, str]]:
        found = self._schemas.get(name.casefold())
        if found is None:
            raise Unreadable(f"the table {name} is not known")
        return found

    def _scope_of(self, node: exp.Expression) -> Scope:
        from sqlglot import exp

        query = node.unnest() if isinstance(node, exp.Subquery) else node
        scope = self._by_query.get(id(query))
        if scope is None:
            raise Unreadable("a subquery that has no scope")
        return scope


def _names(scope: Scope) -> list[str]:
    """The columns of a query, in order; by name, those of both sides."""
    if not scope.set_operation_scopes:
        return [node.alias_or_name for node in scope.expression.expressions]
    first, second = (_names(branch) for branch in scope.set_operation_scopes)
    return list(dict.fromkeys([*first, *second])) if scope.expression.args.get("by_name") else first


def _aliased(column: exp.Column, scope: Scope) -> Iterator[Expression]:
    """The columns of the same SELECT that have the name, but the one it stands in."""
    from sqlglot import exp

    if isinstance(scope.expression, exp.Select):
        around = {id(node) for node in upward(column)}
        for projection in scope.expression.expressions:
            if id(projection) not in around and isinstance(projection, exp.Alias) and projection.alias == column.name:
                yield Expression(projection, scope)


def _recursive(root: exp.Expression) -> frozenset[int]:
    """The CTEs that read themselves."""
    from sqlglot import exp

    every = [cte for with_ in root.find_all(exp.With) if with_.recursive for cte in with_.expressions]
    return frozenset(id(cte) for cte in every if any(not table.db and table.name == cte.alias for table in cte.find_all(exp.Table)))
