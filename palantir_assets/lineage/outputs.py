"""Which columns a SELECT gives, read from its text: for telling what is missing before anything is made.

A pure function of the text and of the schemas that are known; sqlglot does the reading. Where a text cannot be read
to the last column (a star over an unknown table, a pivot, `columns(…)`), the answer is None and never a guess.
"""

from __future__ import annotations

from palantir_assets.lineage.parsing import Schemas, nested, without_catalogs


def output_columns(sql: str, schemas: Schemas) -> tuple[str, ...] | None:
    """The names of a SELECT's columns, in its order, or None where they cannot be told.

    >>> output_columns("select *, amount * 2 as twice from raw.orders", {"raw.orders": {"id": "BIGINT", "amount": "DOUBLE"}})
    ('id', 'amount', 'twice')
    """
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify

    try:
        parsed = without_catalogs(parse_one(sql, dialect="duckdb"))
        if not isinstance(parsed, exp.Query) or parsed.find(exp.Pivot, exp.Columns) or any(map(_spreads, parsed.find_all(exp.Select))):
            return None
        read = qualify(parsed, schema=nested(schemas), dialect="duckdb", validate_qualify_columns=False, identify=False)
        names = tuple(read.named_selects)
    except (SqlglotError, ValueError, KeyError, AttributeError):  # the last one is sqlglot's own way of not knowing a form
        return None
    return None if not names or "*" in names or "" in names else names


def _spreads(select: object) -> bool:
    """Whether a bare `unnest(…)` is selected, which gives a column for every field of a struct."""
    from sqlglot import exp

    return isinstance(select, exp.Select) and any(isinstance(one, (exp.Unnest, exp.Explode)) for one in select.expressions)
