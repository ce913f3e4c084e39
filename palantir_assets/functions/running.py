"""Functions as the service runs them: in processes of their own, warm, few, and replaced when they misbehave.

A call is checked here, travels to a worker, and is watched by the clock; what does not answer in time is killed.
At most `workers` calls run at once and `waiting` more wait. A worker starts with its first call and stays. What
it keeps a function from is told in `bounds`. Calls block: the API makes them in a thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View
from palantir_assets.actions import overlay
from palantir_assets.actions.edits import Edit, as_json
from palantir_assets.errors import (
    FunctionError,
    FunctionFailed,
    FunctionResultInvalid,
    FunctionsBusy,
    FunctionTooLarge,
)
from palantir_assets.functions.calling import Asking, checked
from palantir_assets.functions.processes import WorkerProcess
from palantir_assets.ontology.served_parts import ServedFunction
from palantir_assets.query.sets import SavedSets
from palantir_assets.release.editing import EditedRelease, Opened, planned_over

LOG: Final = logging.getLogger(__name__)

_ERRORS: Final[Mapping[str, type[FunctionError]]] = {
    "failed": FunctionFailed,
    "large": FunctionTooLarge,
    "invalid": FunctionResultInvalid,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory` is what a call may take beyond what a warm worker holds; `opening` bounds the start and a new release."""

    workers: int = 1
    waiting: int = 16
    patience: float = 10.0
    opening: float = 60.0
    memory: int = 256_000_000


class Functions:
    """The functions of whatever release is handed in. Safe to share between threads; `close` ends the workers."""

    def __init__(self, indexes: Path, limits: Limits | None = None) -> None:
        self._indexes, self._limits = indexes, limits or Limits()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._lock = threading.Lock()
        self._seats = threading.BoundedSemaphore(self._limits.workers)
        self._waiting = 0
        self._closed = False

    def call(
        self,
        release: Opened,
        view: View,
        name: str,
        parameters: Mapping[str, object],
        *,
        version: str | None = None,
        saved: SavedSets | None = None,
        planned: Sequence[Edit] = (),
    ) -> object:
        """What a function gives, as JSON; it sees what the caller sees, made anew in its process from the same rules.

        With `planned` edits it sees the objects as these would make them.
        Raises UnknownName, QueryError for the parameters, or a FunctionError.
        """
        function = view.ontology.find_function(name, version)
        question = {
            "folder": str(release.folder.resolve()),
            "indexes": str(self._indexes.resolve()),
            "function": name,
            "principal": _principal(view.principal),
            "access": release.access.model_dump_json(),
            "arguments": checked(function, parameters, Asking(planned_over(release, planned), view, saved)),
            "memory": self._limits.memory,
            "overlay": _overlay(release),
            "planned": [as_json(edit) for edit in planned],
        }
        with self._seat(name), self._worker(name) as worker:
            answer = worker.ask(function, question, self._limits.opening)
        if view.noted is not None:
            view.noted.note_all(answer.get("noted", {}))
        return _told(function, answer, release.id)

    def close(self) -> None:
        """End every worker, busy or not."""
        with self._lock:
            self._closed = True
            workers = [*self._idle, *self._busy]
            self._idle = []
        for worker in workers:
            worker.end()

    @contextmanager
    def _seat(self, name: str) -> Iterator[None]:
        with self._lock:
            if self._waiting >= self._limits.workers + self._limits.waiting:
                raise FunctionsBusy(name, f"was not run: {self._waiting} calls run or wait already")
            self._waiting += 1
        try:
            if not self._seats.acquire(timeout=self._limits.patience):
                raise FunctionsBusy(name, f"was not run: others took longer than {self._limits.patience:g} s")
            try:
                yield
            finally:
                self._seats.release()
        finally:
            with self._lock:
                self._waiting -= 1

    @contextmanager
    def _worker(self, name: str) -> Iterator[WorkerProcess]:
        with self._lock:
            if self._closed:
                raise FunctionsBusy(name, "was not run: the service is ending")
            worker = self._idle.pop() if self._idle else WorkerProcess()
            self._busy.add(worker)
        try:
            yield worker
        finally:
            with self._lock:
                self._busy.discard(worker)
                keep = worker.alive and not self._closed
                if keep:
                    self._idle.append(worker)
            if not keep:
                worker.end()


def _overlay(release: Opened) -> orjson.Fragment | None:
    """What edits are laid over the release, as JSON that is made once for each state of it."""
    if not isinstance(release, EditedRelease):
        return None
    return release.memory.once("overlay as json", lambda: orjson.Fragment(orjson.dumps(overlay.as_json(release.overlay))))


def _principal(principal: Principal) -> dict[str, object]:
    return {
        "id": principal.id,
        "roles": sorted(principal.roles),
        "attributes": dict(principal.attributes),
        "markings": sorted(principal.markings),
    }


def _told(function: ServedFunction, answer: Mapping[str, Any], release_id: str) -> object:
    facts = {"function": function.name, "version": function.version, "release_id": release_id}
    if answer.get("printed"):
        LOG.info("a function printed", extra={**facts, "printed": answer["printed"]})
    kind = answer.get("error")
    if kind is None:
        return answer["value"]
    LOG.warning("a function failed: %s", answer["words"], extra={**facts, "traceback": answer.get("traceback", "")})
    words = {"failed": "failed: ", "large": "asked for more memory than a function gets: ", "invalid": "gave what it does not declare: "}
    raise _ERRORS[kind](function.name, words[kind] + answer["words"])
