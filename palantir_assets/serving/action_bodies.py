"""Bodies of our own routes of actions, and what is told of actions there: differences, entries of the log, proposals."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from palantir_assets.access.policy import Refusal
from palantir_assets.applying.desk import Standpoint
from palantir_assets.applying.differences import as_seen, digest
from palantir_assets.applying.proposing import may_decide
from palantir_assets.applying.reversing import Undoing
from palantir_assets.applying.telling import Entry
from palantir_assets.serving.datatypes import Json
from palantir_assets.serving.standing import ExpectedVersion, Parameters
from palantir_assets.stores.edit_rows import ActionRecord, Appended, Subject


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ToldBody(Form):
    """What an action is told. `expected_versions` are those that objects must have; 0 was never edited."""

    parameters: Parameters = Field(default_factory=dict)
    expected_versions: list[ExpectedVersion] = Field([], max_length=100)

    @property
    def expected(self) -> dict[Subject, int]:
        return {(each.object_type, each.key): each.version for each in self.expected_versions}


class ApplyBody(ToldBody):
    """With `accept`, the digest of a preview: it is applied only if it does exactly that."""

    accept: str | None = Field(None, max_length=100)


class RevertBody(Form):
    """`with_dependents` takes back what depends on it, too; `preview` only says what would be done."""

    with_dependents: bool = False
    preview: bool = False


class ApproveBody(Form):
    """`accept` is the digest of the difference to agree to, where it is not any more the one that was shown."""

    accept: str | None = Field(None, max_length=100)


class RejectBody(Form):
    pass


class DifferenceView(BaseModel):
    """What is changed: objects property by property, before and after, and links; `digest` names it."""

    changes: list[Json]
    links: list[Json]
    digest: str


class PreviewView(BaseModel):
    """What an action would do. Where it is not `valid`, `findings` say why, and there is no difference."""

    action: str
    valid: bool
    approve: list[str]
    parameters: list[Json]
    criteria: list[Json]
    steps: list[Json]
    difference: DifferenceView | None = None


class AppliedView(BaseModel):
    """What was done; `proposed` is what waits for others. `edit_no` is what a read may ask to see; null where nothing was edited."""

    action_no: int
    action: str
    status: str
    edit_no: int | None
    difference: DifferenceView


class EntryView(BaseModel):
    """One action of the log. `parameters` are told to who asked and who may agree; `reverts` are actions it took back."""

    action_no: int
    action: str
    actor: str
    at: datetime
    status: str
    approver: str | None
    parameters: Json | None
    reverts: list[int]
    edit_no: int | None
    changes: list[Json]
    links: list[Json]


class EntriesView(BaseModel):
    data: list[EntryView]
    next_before: int | None = Field(None, description="`before` of the next page")


class ProposalView(EntryView):
    """What waits for others. `digest` names what is shown; `may_decide` says whether the caller is one of those."""

    digest: str
    may_decide: bool


class ProposalsView(BaseModel):
    data: list[ProposalView]


class RevertView(BaseModel):
    """What taking an action back does, or would do; `refused` says why it may not be."""

    action_no: int | None
    status: str
    edit_no: int | None
    reverts: list[int]
    dependents: list[Json]
    refused: str | None
    difference: DifferenceView


def difference_view(shown: Json) -> DifferenceView:
    """A difference with its digest."""
    return DifferenceView(changes=shown["changes"], links=shown["links"], digest=digest(shown))


def applied_view(done: Appended, action: str, shown: Json, status: str) -> AppliedView:
    """What was written, as the caller sees it."""
    return AppliedView(action_no=done.action_no, action=action, status=status, edit_no=done.last_edit, difference=difference_view(shown))


def entry_view(entry: Entry) -> EntryView:
    """An entry of the log."""
    return EntryView(**_entry(entry.record), **_did(entry))


def proposal_view(at: Standpoint, entry: Entry, shown: Json) -> ProposalView:
    """A proposal before somebody who may know of it."""
    seen = as_seen(shown, at.view)
    return ProposalView(**{**_entry(entry.record), **_did(entry), **seen}, digest=digest(seen), may_decide=may_decide(at, entry.record))


def revert_view(undoing: Undoing, done: Appended | None) -> RevertView:
    """What a reversal does."""
    dependents = [{"action_no": int(each.id), "on": int(each.on), "why": str(each)} for each in undoing.dependents]
    refused = undoing.decision.reason if isinstance(undoing.decision, Refusal) else None
    return RevertView(
        action_no=done.action_no if done else None, status="reverted" if done else "previewed", edit_no=done.last_edit if done else None,
        reverts=list(undoing.reverts), dependents=dependents, refused=refused, difference=difference_view(undoing.shown),
    )  # fmt: skip


def _entry(record: ActionRecord) -> Json:
    return {name: getattr(record, name) for name in ("action_no", "action", "actor", "at", "status", "approver")}


def _did(entry: Entry) -> Json:
    edit_no = entry.edits[-1].edit_no if entry.edits else None
    return {**entry.shown, "parameters": entry.parameters, "reverts": list(entry.reverts), "edit_no": edit_no}
