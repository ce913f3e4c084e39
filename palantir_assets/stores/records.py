"""Records of checks: what each check last said, about which content, against which expectation.

The release gate reads these and only these. Dagster keeps the same outcomes with their history for people;
a record is what a machine may decide on, so it carries the fingerprint of the suite and the version of the data.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One check's last outcome. `asset` is a key such as "objects/order"; `details` hold plain JSON values."""

    asset: str
    check: str
    passed: bool
    blocking: bool
    fingerprint: str
    data_version: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return (self.asset, self.check)


@dataclass(frozen=True, slots=True)
class CheckRecords:
    """A folder with one JSON file per check."""

    folder: Path

    def write(self, record: CheckRecord) -> None:
        """Keep a record in place of the last one of the same check."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(record.asset, record.check)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(asdict(record), sort_keys=True, indent=1, ensure_ascii=False, default=str), encoding="utf-8")
        temporary.replace(path)

    def read(self) -> dict[tuple[str, str], CheckRecord]:
        """Every record that can be read; an unreadable one is as good as missing, and the gate treats it so."""
        return {record.key: record for record in self._all()}

    def _all(self) -> Iterator[CheckRecord]:
        for path in sorted(self.folder.glob("*.json")):
            try:
                yield CheckRecord(**json.loads(path.read_bytes()))
            except (OSError, ValueError, TypeError):
                continue

    def _path(self, asset: str, check: str) -> Path:
        return self.folder / f"{asset.replace('/', '.')}.{check}.json"
