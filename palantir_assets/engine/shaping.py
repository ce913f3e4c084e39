"""Ready bytes as a question wants to see them: untouched where nothing is left out, renamed or added, else decoded and written anew.

Keys that begin with two underscores tell what an object is and are always there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.deriving import derive
from palantir_assets.engine.rows import of_rows
from palantir_assets.engine.spelling import plain
from palantir_assets.query.fields import Column, Lens
from palantir_assets.query.plans import Plan


def shaped(rows: list[bytes], select: Sequence[str]) -> list[bytes]:
    """The objects with the selected properties only; untouched bytes when all are wanted."""
    return _rewritten(rows, dict.fromkeys(select), {}) if select else rows


def told(asking: Asking, plan: Plan, object_type: str, rows: Sequence[int]) -> list[bytes]:
    """Objects of one type as the plan wants them."""
    ready = asking.json_rows(object_type, rows)
    lens = plan.scope.lenses[object_type]
    derived = [column for name, column in lens.derived.items() if not plan.select or name in plan.select]
    names = _names(lens, plan)
    if names is None and not derived:
        return ready
    return _rewritten(ready, names, _derived(asking, object_type, derived, rows) if derived else {})


def _names(lens: Lens, plan: Plan) -> Mapping[str, str | None] | None:
    """Own name → name to be told by, of the properties to be told; None where all are, as they are."""
    if lens.shown is None:
        return dict.fromkeys(plan.select) if plan.select else None
    by_interface = {own: shown for shown, (own, _) in lens.shown.items() if own is not None}
    renamed = plan.naming == "interface"
    if not plan.select and not plan.scope.cut and not renamed:
        return None
    own = list(by_interface) if plan.scope.cut else [*by_interface, *(name for name in lens.type.properties if name not in by_interface)]
    told_by = {name: by_interface.get(name) if renamed else None for name in own}
    if not plan.select:
        return told_by
    wanted = frozenset(plan.select)
    return {name: shown for name, shown in told_by.items() if name in wanted or by_interface.get(name) in wanted}


def _rewritten(rows: list[bytes], names: Mapping[str, str | None] | None, added: Mapping[int, Mapping[str, Any]]) -> list[bytes]:
    found = []
    for at, row in enumerate(rows):
        item: dict[str, Any] = orjson.loads(row)
        if names is not None:
            item = {names.get(name) or name: value for name, value in item.items() if name in names or name.startswith("__")}
        found.append(orjson.dumps({**item, **added.get(at, {})}))
    return found


def _derived(asking: Asking, object_type: str, wanted: Sequence[Column], rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By position, the derived values that are there."""
    numbers = np.asarray(rows, dtype=np.int32)
    table = derive(asking, object_type, wanted, of_rows(numbers, asking.size(object_type)))
    place = {row: at for at, row in enumerate(table.column("_row").to_pylist())}
    values = {column.name: [json_value(column, value) for value in table.column(column.name).to_pylist()] for column in wanted}
    return {at: {name: found[place[row]] for name, found in values.items() if found[place[row]] is not None} for at, row in enumerate(rows)}


def json_value(column: Column, value: Any) -> Any:
    """A value as the ready JSON of a property of that type tells it; None for what JSON cannot tell."""
    if value is None:
        return None
    if column.type == "array":
        return [plain(column.of or "string", element) for element in value]
    if column.type == "struct":
        members = {name: plain(kind, value[name]) for name, kind in column.fields}
        return {name: member for name, member in members.items() if member is not None}
    return plain(column.type, value)
