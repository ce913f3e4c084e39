"""An edit log in a list, with what `serving.following_edits` asks of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from palantir_assets.actions.edits import Edit, Json
from palantir_assets.actions.recording import written


@dataclass(frozen=True)
class ListedEdit:
    edit_no: int
    values: Mapping[str, Json]


@dataclass
class ListedEdits:
    """Numbers from 1; `broken` makes it unreachable."""

    rows: list[ListedEdit] = field(default_factory=list)
    broken: Exception | None = None

    def append(self, *edits: Edit) -> int:
        for edit in edits:
            self.rows.append(ListedEdit(len(self.rows) + 1, written(edit)))
        return len(self.rows)

    def head(self) -> int:
        if self.broken:
            raise self.broken
        return len(self.rows)

    def since(self, edit_no: int, limit: int = 1000) -> Sequence[ListedEdit]:
        if self.broken:
            raise self.broken
        return self.rows[edit_no : edit_no + limit]
