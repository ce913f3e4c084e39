"""Small makers of batches for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from palantir_assets.stores.edit_rows import Appended, Batch, Idempotency, NewEdit, Reply

NOW = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)


def edit(key: str, values: Mapping[str, object] | None = None, *, object_type: str = "order", kind: str = "modify") -> NewEdit:
    """An edit of an order."""
    return NewEdit(object_type, key, kind, values or {"status": "paid"})


def batch(*keys: str, expected: Mapping[str, int] | None = None, key: str = "", body: str = "body", **rest: Any) -> Batch:
    """An action that edits these orders; `expected` by key, an idempotency key of the actor with its body's hash."""
    actor = rest.pop("actor", "ada")
    return Batch(
        rest.pop("action", "pay"),
        actor,
        rest.pop("at", NOW),
        edits=rest.pop("edits", tuple(edit(each) for each in keys)),
        expected_versions={("order", each): version for each, version in (expected or {}).items()},
        idempotency=Idempotency(actor, key, body, _reply) if key else None,
        **rest,
    )


def _reply(done: Appended) -> Reply:
    return Reply(f"action {done.action_no}, edits {done.first_edit} to {done.last_edit}".encode(), 200)
