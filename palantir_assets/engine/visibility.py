"""Which rows a caller may see: asked at every leaf and every hop, so that one answer here holds everywhere.

A row rule runs once for its text and the caller's values, over the release; afterwards rows are a set like any other.
A rule that cannot be read, or fails, shows nothing: it was made for other data, and says nothing of these.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from palantir_assets.access.policy import rights_of
from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, caller_values, view_of
from palantir_assets.engine.ports import Released
from palantir_assets.engine.rows import RowSet, everything, nothing, of_rows
from palantir_assets.engine.segments import Segment
from palantir_assets.engine.statements import Sql, row_numbers
from palantir_assets.errors import QueryError, QueryTooLong
from palantir_assets.names import quoted
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.row_rules import RowRule, parse_row_rule
from palantir_assets.ontology.served_access import AttributeType

Tables = Mapping[str, pa.Table]

LOG: Final = logging.getLogger(__name__)


def visible(view: View, release: Released, object_type: str) -> RowSet:
    """The rows of an object type that the caller may see; none of a type that may not be read. Raises QueryTooLong."""
    size = release.count(object_type)
    if object_type not in view.ontology.types:
        return nothing(size)
    rule = view.rules.get(object_type)
    if rule is None:
        return release.living(object_type)
    key = ("seen", view.signature, object_type)
    return release.memory.once(key, lambda: _ruled(release, object_type, rule, view.caller, view.attributes))


def seen_by(principal: Principal, release: Released) -> View:
    """The caller's view of a release under the release's rules, with all its row rules run: made once. Raises QueryTooLong."""
    return release.memory.once(view_key(principal), lambda: _made(principal, release))


def view_key(principal: Principal) -> tuple[object, ...]:
    """Under what a caller's view is kept."""
    return ("view", principal.id, principal.roles, principal.markings, tuple(sorted((n, repr(v)) for n, v in principal.attributes.items())))


def _made(principal: Principal, release: Released) -> View:
    access = release.access
    caller = caller_values(principal, rights_of(principal, access))
    ruled = {name: rules.rows for name, rules in access.types.items() if rules.rows is not None and name in release.ontology.types}

    def all_seen(name: str, rule: str) -> bool:
        """Now, and when what sums rows up was computed."""
        rows = _ruled(release, name, rule, caller, access.attributes)
        return len(rows) == len(release.living(name)) and _all_stored(release, name, rule, caller, access.attributes)

    whole = frozenset(name for name, rule in ruled.items() if all_seen(name, rule))
    key = (*view_key(principal), whole)
    # The view itself names no row, so that it outlives edits.
    view = release.lasting.once(key, lambda: view_of(principal, release.ontology, access, lambda name: name not in ruled or name in whole))
    for object_type in view.rules:
        visible(view, release, object_type)
    return view


def _all_stored(
    release: Released, object_type: str, text: str, caller: Mapping[str, object], attributes: Mapping[str, AttributeType]
) -> bool:
    patch, rule = release.patch(object_type), _rule(release, object_type, text, attributes)
    return patch is None or (rule is not None and _stored(release, object_type, text, rule, rule.parameters(caller)).is_all)


def _rule(release: Released, object_type: str, text: str, attributes: Mapping[str, AttributeType]) -> RowRule | None:
    return release.lasting.once(("rule", object_type, text), lambda: _parsed(release, object_type, text, attributes))


def _ruled(release: Released, object_type: str, text: str, caller: Mapping[str, object], attributes: Mapping[str, AttributeType]) -> RowSet:
    rule = _rule(release, object_type, text, attributes)
    if rule is None:
        return nothing(release.count(object_type))
    values = rule.parameters(caller)
    stored, patch = _stored(release, object_type, text, rule, values), release.patch(object_type)
    if patch is None:
        return stored
    key = _rows_key(object_type, text, values)

    def made() -> RowSet:
        parts = [segment.memory.once(key, partial(_in_segment, release, segment, rule, values)) for segment, _ in patch.segments]
        return patch.together(stored, parts)

    return release.memory.once(key, made)


def _stored(release: Released, object_type: str, text: str, rule: RowRule, values: dict[str, Any]) -> RowSet:
    """The rows of the release itself, as it has them, edited or not."""
    return release.lasting.once(_rows_key(object_type, text, values), lambda: _found(release, object_type, rule, values))


def _rows_key(object_type: str, text: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    return ("rows", object_type, text, repr(sorted(values.items())))


def _parsed(release: Released, object_type: str, text: str, attributes: Mapping[str, AttributeType]) -> RowRule | None:
    types = {name: prop.type for name, prop in release.ontology.types[object_type].properties.items()}
    try:
        return parse_row_rule(text, types, attributes)
    except ExpressionError as error:
        LOG.warning("the row rule of %s cannot be used, so that nobody sees a row of it: %s", object_type, error)
        return None


def _found(release: Released, object_type: str, rule: RowRule, values: dict[str, Any]) -> RowSet:
    """The rows that the release itself has, edited or not."""
    patch = release.patch(object_type)
    return _passing(release, object_type, quoted(object_type), rule, values, release.count(object_type) if patch is None else patch.count)


def _in_segment(release: Released, segment: Segment, rule: RowRule, values: dict[str, Any]) -> RowSet:
    """The positions in a segment."""
    places = pa.array(np.arange(len(segment), dtype=np.int32))
    table = segment.table.set_column(segment.table.schema.names.index("_row"), "_row", places)
    return _passing(release, segment.kind.name, "edited_rows", rule, values, len(segment), {"edited_rows": table})


def _passing(
    release: Released,
    object_type: str,
    table: str,
    rule: RowRule,
    values: dict[str, Any],
    size: int,
    tables: Tables | None = None,
) -> RowSet:
    try:
        rows = row_numbers(release, Sql(f"SELECT _row FROM {table} WHERE ({rule.sql})", named=values), tables)
    except QueryTooLong:
        raise  # another time it may not take too long
    except (QueryError, duckdb.Error):
        LOG.warning("the row rule of %s fails over its rows, so that nobody sees one of them", object_type)
        return nothing(size)
    return everything(size) if len(rows) == size else of_rows(rows, size)
