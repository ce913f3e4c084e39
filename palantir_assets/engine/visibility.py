"""Which rows a caller may see: asked at every leaf and every hop, so that one answer here holds everywhere.

A row rule runs once for its text and the caller's values, over the release; afterwards rows are a set like any other.
A rule that cannot be read, or fails, shows nothing: it was made for other data, and says nothing of these.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import duckdb

from palantir_assets.access.policy import rights_of
from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, caller_values, view_of
from palantir_assets.engine.ports import Released
from palantir_assets.engine.rows import RowSet, everything, nothing, of_rows
from palantir_assets.engine.statements import Sql, row_numbers
from palantir_assets.errors import QueryError, QueryTooLong
from palantir_assets.names import quoted
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.row_rules import RowRule, parse_row_rule
from palantir_assets.ontology.served_access import AttributeType

LOG: Final = logging.getLogger(__name__)


def visible(view: View, release: Released, object_type: str) -> RowSet:
    """The rows of an object type that the caller may see; none of a type that may not be read. Raises QueryTooLong."""
    size = release.count(object_type)
    if object_type not in view.ontology.types:
        return nothing(size)
    rule = view.rules.get(object_type)
    if rule is None:
        return everything(size)
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

    def wholly(object_type: str) -> bool:
        rule = access.types[object_type].rows
        return rule is None or _ruled(release, object_type, rule, caller, access.attributes).is_all

    view = view_of(principal, release.ontology, access, wholly)
    for object_type in view.rules:
        visible(view, release, object_type)
    return view


def _ruled(release: Released, object_type: str, text: str, caller: Mapping[str, object], attributes: Mapping[str, AttributeType]) -> RowSet:
    rule = release.memory.once(("rule", object_type, text), lambda: _parsed(release, object_type, text, attributes))
    if rule is None:
        return nothing(release.count(object_type))
    values = rule.parameters(caller)
    key = ("rows", object_type, text, repr(sorted(values.items())))
    return release.memory.once(key, lambda: _found(release, object_type, rule, values))


def _parsed(release: Released, object_type: str, text: str, attributes: Mapping[str, AttributeType]) -> RowRule | None:
    types = {name: prop.type for name, prop in release.ontology.types[object_type].properties.items()}
    try:
        return parse_row_rule(text, types, attributes)
    except ExpressionError as error:
        LOG.warning("the row rule of %s cannot be used, so that nobody sees a row of it: %s", object_type, error)
        return None


def _found(release: Released, object_type: str, rule: RowRule, values: dict[str, Any]) -> RowSet:
    size = release.count(object_type)
    try:
        rows = row_numbers(release, Sql(f"SELECT _row FROM {quoted(object_type)} WHERE ({rule.sql})", named=values))
    except QueryTooLong:
        raise  # another time it may not take too long
    except (QueryError, duckdb.Error):
        LOG.warning("the row rule of %s fails over its rows, so that nobody sees one of them", object_type)
        return nothing(size)
    return everything(size) if len(rows) == size else of_rows(rows, size)
