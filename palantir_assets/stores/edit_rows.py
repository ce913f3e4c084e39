"""The nouns of the edit log: what is asked to be written, and the rows that come back. `edits` writes and reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from palantir_assets.stores.audit_chain import canonical

Status = Literal["applied", "proposed", "approved", "rejected", "reverted"]
Subject = tuple[str, str]
"""An object type and a key."""


@dataclass(frozen=True, slots=True)
class NewEdit:
    """One change that is to be written. `values` are JSON values by property; `reverts` is the edit this one takes back."""

    object_type: str
    object_key: str
    kind: str
    values: Mapping[str, object] = field(default_factory=dict)
    reverts: int | None = None


@dataclass(frozen=True, slots=True)
class NewEffect:
    """A side effect that is to leave once the edits are durable. `payload` is JSON."""

    kind: str
    target: str
    payload: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered, byte by byte."""

    body: bytes
    status_code: int


@dataclass(frozen=True, slots=True)
class Appended:
    """What was written. `first_edit` is None where there were no edits; `reply` is there where a key came with the request.

    `replayed` says that all this was written by an earlier request with the same key and body; its edits are not told again.
    """

    action_no: int
    first_edit: int | None = None
    last_edit: int | None = None
    versions: Mapping[Subject, int] = field(default_factory=dict)
    reply: Reply | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A key of one principal, the hash of the body it came with, and how to say what was done."""

    principal: str
    key: str
    body_hash: str
    reply: Callable[[Appended], Reply]


@dataclass(frozen=True, slots=True)
class Batch:
    """One action with all it does: everything is written, or nothing.

    `concerns` are objects beside the edited ones that its parameters, effects or reply tell of: where they have personal
    properties, all this is sealed under their keys too. `expected_versions` names the version (0: never edited) that
    objects must have. `decides` is the number of a proposed action that this batch approves or rejects;
    `reverts_actions`, of applied ones that it takes back, and `becomes` says what others are then (what a reversal had
    taken back is in force again). `shown` is what who must agree to a proposed action is shown. With `since`, nobody else
    may have written an edit above that number.
    """

    action: str
    actor: str
    at: datetime
    parameters: Mapping[str, object] = field(default_factory=dict)
    edits: Sequence[NewEdit] = ()
    effects: Sequence[NewEffect] = ()
    status: Status = "applied"
    expected_versions: Mapping[Subject, int] = field(default_factory=dict)
    idempotency: Idempotency | None = None
    approver: str | None = None
    decides: int | None = None
    reverts_actions: Sequence[int] = ()
    becomes: Mapping[int, Status] = field(default_factory=dict)
    shown: Mapping[str, object] | None = None
    since: int | None = None
    concerns: Sequence[Subject] = ()


@dataclass(frozen=True, slots=True)
class EditRecord:
    """A row of `edits`, detached from any session. `erased` names the properties whose values are gone for good, and null."""

    edit_no: int
    batch_no: int
    object_type: str
    object_key: str
    version: int
    kind: str
    values: Mapping[str, object]
    action: str
    action_no: int
    actor: str
    at: datetime
    reverts: int | None
    erased: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """A row of `action_log`, detached from any session. Of an `erased` one the parameters are gone for good."""

    action_no: int
    action: str
    parameters: Mapping[str, object]
    actor: str
    at: datetime
    status: str
    approver: str | None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class ReversalRecord:
    """Which actions one action took back, and the number of the last edit when it had."""

    action_no: int
    reverts: frozenset[int]
    edit_no: int


class Digestible(Protocol):
    """What of an edit is covered by its audit row: all but who and when, which the audit row says itself."""

    edit_no: int
    batch_no: int
    object_type: str
    object_key: str
    version: int
    kind: str
    values: str
    action: str
    action_no: int
    reverts: int | None


def digest_of(rows: Iterable[Digestible]) -> str:
    """SHA-256 over edits in their order; the audit row of an action is signed over it."""
    digest = hashlib.sha256()
    for row in rows:
        told = [row.edit_no, row.batch_no, row.object_type, row.object_key, row.version, row.kind]
        digest.update(canonical([*told, row.values, row.action, row.action_no, row.reverts]).encode())
    return digest.hexdigest()


def hashed(text: str) -> str:
    """SHA-256 of a text: a key is kept as this, never as it came."""
    return hashlib.sha256(text.encode()).hexdigest()
