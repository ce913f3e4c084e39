"""An error as it is told to a caller, before it has a form. What is told of which error is decided in `errors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_CODES: Final = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHORIZED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "CONFLICT",
    413: "REQUEST_ENTITY_TOO_LARGE", 414: "INVALID_ARGUMENT", 503: "SERVICE_UNAVAILABLE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An error as it is told to a caller. `parameters` stand in Foundry's envelope, `more` in problem details."""

    status: int
    name: str
    detail: str
    next_step: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] | None = None
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return _CODES.get(self.status, "INTERNAL" if self.status >= 500 else "INVALID_ARGUMENT")
