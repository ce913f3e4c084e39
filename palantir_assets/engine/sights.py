"""What one caller sees of a release at one point: the port that following changes looks through."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from palantir_assets.access.views import View
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.ports import Released
from palantir_assets.engine.sources import source
from palantir_assets.engine.statements import Sql, fetched
from palantir_assets.names import quoted


@dataclass(frozen=True)
class ReleaseSight:
    """A release, with the edits that are in it, through a caller's view. Raises QueryTooLong where a question takes too long."""

    release: Released
    view: View

    @property
    def types(self) -> Collection[str]:
        """The object types that the caller may read."""
        return self.view.ontology.types.keys()

    def keys(self, object_type: str) -> Sequence[str]:
        """The key of every object as text; read once for a release and its edits."""
        return self.release.memory.once(("keys", object_type), lambda: self._keys(object_type))

    def seen(self, object_type: str, keys: Sequence[str]) -> Mapping[str, dict[str, Any]]:
        """Of these keys, the objects that the caller sees: property → JSON, without the names that begin with two underscores."""
        asking = Asking(self.view, self.release)
        found = {key: row for key in keys if (row := self.release.row_of(object_type, key)) is not None}
        visible = asking.visible(object_type)
        held = visible.holds(np.array(list(found.values()), dtype=np.int32)) if found else ()
        shown = {key: row for (key, row), is_seen in zip(found.items(), held, strict=True) if is_seen}
        return {
            key: {name: value for name, value in orjson.loads(row).items() if not name.startswith("__")}
            for key, row in zip(shown, asking.json_rows(object_type, list(shown.values())), strict=True)
        }

    def _keys(self, object_type: str) -> tuple[str, ...]:
        key = quoted(self.release.ontology.types[object_type].key)
        origin = source(self.release, object_type)
        text = f"SELECT CAST(own.{key} AS VARCHAR) FROM {origin.text} WHERE {origin.test} ORDER BY own._row"
        rows = fetched(self.release, Sql(text), origin.tables)
        return tuple(key for (key,) in rows)
