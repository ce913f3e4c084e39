"""What can go wrong, in one picture, and how it is told.

    PalantirError                    what happened, where, and the next command to run
    ├── SpecError                    specs that do not hold together (all problems at once)
    ├── SettingsError                an environment variable that cannot be used
    ├── SourceError                  a source that cannot be read at all
    ├── BuildError                   a station that could not make its asset
    │   └── WarehouseBusy            another process holds the warehouse file
    ├── ReleaseError                 a release that is missing, damaged or refused
    │   ├── GateClosed               the release gate refused a candidate
    │   └── NoRelease                nothing has been released yet
    ├── LedgerError                  the ledger cannot be reached or written
    ├── EditRefused                  an edit that does not go with what the ledger holds; nothing was written
    │   ├── StaleVersion             the object was changed since it was read
    │   ├── Outrun                   something was written since everything was read
    │   ├── KeyReused                an idempotency key that came with another body before
    │   ├── BeingAnswered            a request with the same idempotency key is being answered
    │   ├── NotDecidable             a proposal that is decided already, or an action that cannot be taken back
    │   └── Erased                   an object that is gone for good
    │       └── AnswerErased         what was answered before told of one
    ├── NotPermitted                 what the roles of a caller do not let the caller do
    ├── NotSent                      a side effect that did not leave
    ├── IdentityError                a user, a client, a grant or a credential that cannot be made or used
    ├── FunctionError                a function of the ontology that gave no value
    │   ├── FunctionFailed           it raised an error, or its process ended
    │   ├── FunctionTooSlow          it took longer than its time limit
    │   ├── FunctionTooLarge         it asked for more memory than a function gets
    │   ├── FunctionResultInvalid    what it returned is not what it declares
    │   └── FunctionsBusy            as many calls wait as may
    ├── ActionRefused                an action that may not be applied as it stands (in `actions.verdicts`)
    └── QueryError                   a question that cannot be asked
        ├── QueryTooLong             a question that took more time or memory than one may have
        ├── CursorInvalid            a cursor that nobody was given, and CursorExpired (both in `actions.cursors`)
        ├── UnknownName              an object type, property or link that does not exist
        └── NotFound                 an object that does not exist, or that the caller may not see

Errors carry facts; what they mean in HTTP is decided in `serving`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a file: `ontology_specs/shop/order.yaml:17`. Line 0 means the file as a whole."""

    file: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in words for a person, with its place and a suggestion."""

    message: str
    place: Place | None = None
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}" + (f"; {self.hint}" if self.hint else "")


class PalantirError(Exception):
    """An error a user can act on. `next_step` is the command or edit that helps."""

    next_step: ClassVar[str] = ""

    def __init__(self, message: str, *, next_step: str = "") -> None:
        self.message = message
        self.advice = next_step or type(self).next_step
        super().__init__(f"{message}\n  next: {self.advice}" if self.advice else message)


class SpecError(PalantirError):
    """Every problem found in the specs, collected and raised once."""

    next_step = "mend the places above, then run `palantir check`"

    def __init__(self, problems: Sequence[Problem], *, next_step: str = "") -> None:
        self.problems = tuple(problems)
        heading = f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in the specs"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in problems)]), next_step=next_step)


class SettingsError(PalantirError):
    """An environment variable or path that cannot be used."""


class SourceError(PalantirError):
    """A source that cannot be read at all; single bad rows are kept and counted instead."""

    next_step = "mend the source or its declaration, then run `palantir build --select 'group:raw'`"


class BuildError(PalantirError):
    """A station could not make its asset; what was there before is untouched."""

    next_step = "mend the cause, then run `palantir build`"


class WarehouseBusy(BuildError):
    """Another process has the warehouse file open for writing."""

    next_step = "wait for the other build to end (`palantir status` shows it), then run the command again"


class ReleaseError(PalantirError):
    """A release that is missing, damaged or refused."""

    next_step = "`palantir release list` shows what can be activated"


class GateClosed(ReleaseError):
    """The gate refused a candidate; the release served before stays served."""

    next_step = "see the failed checks in the Dagster UI, mend them, then run `palantir build`"


class NoRelease(ReleaseError):
    """Nothing has been released yet."""

    next_step = "run `palantir build` (or `make run`) to make the first release"


class LedgerError(PalantirError):
    """The ledger cannot be reached or written; nothing was committed."""

    next_step = "`palantir doctor` shows what is wrong with the ledger"


class EditRefused(PalantirError):
    """An edit that does not go with what the ledger holds; nothing was written."""


class StaleVersion(EditRefused):
    """The object was changed since it was read. `expected` and `actual` count its edits; 0 is never edited."""

    next_step = "read the object again, then decide anew"

    def __init__(self, object_type: str, key: str, *, expected: int, actual: int) -> None:
        self.object_type, self.key, self.expected, self.actual = object_type, key, expected, actual
        super().__init__(f"{object_type} {key!r} has version {actual}, and {expected} was expected: somebody changed it in between")


class Outrun(EditRefused):
    """Something was written since all that this rests on was read: read again."""

    next_step = "ask again"

    def __init__(self, since: int, now: int) -> None:
        super().__init__(f"edits {since + 1} to {now} were written in between")


class KeyReused(EditRefused):
    """An idempotency key that came with another body before."""

    next_step = "send a new Idempotency-Key with a new request; the same key only repeats the same request"

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used for another request")


class BeingAnswered(EditRefused):
    """A request with the same idempotency key is being answered."""

    next_step = "wait for its answer, or ask again in a moment with the same key"

    def __init__(self) -> None:
        super().__init__("a request with this Idempotency-Key is being answered")


class NotDecidable(EditRefused):
    """A proposal that is decided already, or an action that cannot be taken back: it is not there, or was before."""

    next_step = "read the action log: it says what became of the action"

    def __init__(self, action_no: int, status: str) -> None:
        self.action_no, self.status = action_no, status
        super().__init__(f"action {action_no} is {status}")


class NotPermitted(PalantirError):
    """What the roles of a caller do not let the caller do. The words name nothing that the caller may not know of."""

    next_step = "ask somebody who holds the role, or an administrator to grant it"


class NotSent(PalantirError):
    """A side effect that did not leave. `final` says that the same again would fail again; the words hold no secret."""

    next_step = "`palantir outbox list` shows what waits and what is dead"

    def __init__(self, message: str, *, final: bool = False, next_step: str = "") -> None:
        self.final = final
        super().__init__(message, next_step=next_step)


class Erased(EditRefused):
    """An object that was erased for good: nothing can be written or read of it any more."""

    next_step = "use another object: an erased one never comes back, and its key is not used again"

    def __init__(self, object_type: str, key: str) -> None:
        self.object_type, self.key = object_type, key
        super().__init__(f"{object_type} {key!r} was erased")


class AnswerErased(Erased):
    """A request that was answered once, and whose answer was erased with an object that it told of."""

    next_step = "it was done then, and is not done again: look at what is there now"


class IdentityError(PalantirError):
    """A user, a client, a grant or a credential that cannot be made or used. The words name nobody's secret."""

    next_step = "`palantir user list` shows who there is"


class FunctionError(PalantirError):
    """A function that gave no value. `function` is its name; the traceback, if there is one, stands in the log."""

    def __init__(self, function: str, message: str) -> None:
        self.function = function
        super().__init__(f"the function {function} {message}")


class FunctionFailed(FunctionError):
    """It raised an error, or the process it ran in ended."""

    next_step = "the log has the traceback; mend the function, then run `palantir build`"


class FunctionTooSlow(FunctionError):
    """It took longer than its time limit and was ended."""

    next_step = "ask for less at once, or raise the function's `time_limit` in its spec and run `palantir build`"


class FunctionTooLarge(FunctionError):
    """It asked for more memory than a function gets and was ended."""

    next_step = "ask for less at once, or let the function read its objects in pages"


class FunctionResultInvalid(FunctionError):
    """What it returned is not of the type it declares: its author's error, not the caller's."""

    next_step = "mend the function or its `output` in the spec, then run `palantir build`"


class FunctionsBusy(FunctionError):
    """All workers are taken and as many calls wait as may."""

    next_step = "ask again in a moment"


class QueryError(PalantirError):
    """A question that cannot be asked as it stands."""


class QueryTooLong(QueryError):
    """A question that took more time or memory than one may have, and was stopped."""


class UnknownName(QueryError):
    """A name the ontology does not have. `kind` is such as "object type", "property", "link"; `of` the object type it was sought in."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, of: str = "") -> None:
        self.kind, self.name, self.of = kind, name, of
        hint = did_you_mean(name, known)
        super().__init__(f"unknown {kind} {name!r}" + (f"; {hint}" if hint else ""))


class NotFound(QueryError):
    """No such object, or none that this caller may see: the two are not told apart."""

    def __init__(self, object_type: str, key: str) -> None:
        self.object_type, self.key = object_type, key
        super().__init__(f"no {object_type} with key {key!r}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion in words, or an empty string.

    >>> did_you_mean("Oder", ["order", "customer"])
    "did you mean 'order'?"
    """
    by_fold = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return f"did you mean {by_fold[close[0]]!r}?" if close else ""
