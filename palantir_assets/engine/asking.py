"""Who asks what release: the two things that every step of an answer is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from palantir_assets.access.principal import Principal
from palantir_assets.engine.ports import Released
from palantir_assets.engine.rows import RowSet
from palantir_assets.engine.visibility import visible


@dataclass(frozen=True)
class Asking:
    """One question's caller and release. What the caller may see of a type is looked up once."""

    principal: Principal
    release: Released
    seen: dict[str, RowSet] = field(default_factory=dict, compare=False)

    def visible(self, object_type: str) -> RowSet:
        """The rows of a type that the caller may see."""
        if object_type not in self.seen:
            self.seen[object_type] = visible(self.principal, self.release, object_type)
        return self.seen[object_type]

    def size(self, object_type: str) -> int:
        """How many rows a type has, seen or not."""
        return self.visible(object_type).size
