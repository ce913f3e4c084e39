"""The lineage of every dbt model as it was last made: one JSON file, written by the station of tables.

Beside each model's lineage stand the versions it was read at, so that whoever relies on it can tell whether it is of
today. What lineage is, is decided in `lineage`; what follows from it, in `access.markings`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from palantir_assets.lineage.columns import ModelLineage
from palantir_assets.lineage.reading import Column

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class KeptLineage:
    """A model's lineage, and of which text (`code_version`) and which content (`data_version`) it is."""

    lineage: ModelLineage
    code_version: str
    data_version: str


@dataclass(frozen=True, slots=True)
class LineageFile:
    """Where the file lies."""

    path: Path

    def read(self) -> dict[str, KeptLineage]:
        """`schema.table` → its lineage; nothing where there is no file, or none that can be read: it counts as missing."""
        try:
            held = json.loads(self.path.read_bytes())
            return {table: _of_json(one) for table, one in held["models"].items()} if held["format"] == FORMAT else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def update(self, made: Mapping[str, KeptLineage], known: Iterable[str]) -> None:
        """Put the lineage of models that were just made in the place of their last; those not `known` any more go."""
        kept = {table: one for table, one in {**self.read(), **made}.items() if table in set(known)}
        held = {"format": FORMAT, "models": {table: _to_json(one) for table, one in sorted(kept.items())}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(held, indent=1, ensure_ascii=False), encoding="utf-8")
        temporary.replace(self.path)


def _to_json(one: KeptLineage) -> dict[str, Any]:
    lineage = one.lineage
    return {
        "code_version": one.code_version,
        "data_version": one.data_version,
        "inputs": list(lineage.inputs),
        "values": {name: [_spelled(column) for column in columns] for name, columns in lineage.values.items()},
        "rows": [_spelled(column) for column in lineage.rows],
        "why": lineage.why,
    }


def _of_json(one: Mapping[str, Any]) -> KeptLineage:
    values = {name: tuple(_column(text) for text in columns) for name, columns in one["values"].items()}
    lineage = ModelLineage(values, tuple(_column(text) for text in one["rows"]), tuple(one["inputs"]), one["why"])
    return KeptLineage(lineage, one["code_version"], one["data_version"])


def _spelled(column: Column) -> list[str]:
    return [column.table, column.name]


def _column(spelled: list[str]) -> Column:
    table, name = spelled
    return Column(table, name)
