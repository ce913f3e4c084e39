"""The process a function runs in: `python -m palantir_assets.functions.worker LINE`, started by `running`.

It opens releases read-only, runs the source that is sealed in them and nothing from a checkout, and answers one
question after the other. A function's module is made anew for every call, so that nothing one caller left is
there for the next. When the service ends, this process does: its standard input is a line that only breaks.
"""

from __future__ import annotations

import hashlib
import io
import os
import socket
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, on_record
from palantir_assets.actions import edits, overlay
from palantir_assets.engine.statements import WATCHDOG
from palantir_assets.engine.visibility import seen_by
from palantir_assets.errors import PalantirError
from palantir_assets.functions import wire
from palantir_assets.functions.bounds import Guard, limited, settle
from palantir_assets.functions.calling import arguments
from palantir_assets.functions.objects import Objects
from palantir_assets.functions.results import WrongResult, result
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.ontology.served_parts import ServedFunction
from palantir_assets.release.editing import EditedRelease, Opened, planned_over, with_nothing
from palantir_assets.release.reading import Release, open_release

RELEASES: Final = 2
MAX_PRINTED: Final = 4_000
MAX_WORDS: Final = 300
MODULE: Final = "palantir_function"

Answer = dict[str, object]


class Printed(io.TextIOBase):
    """What a function prints: its beginning, for the log."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text[: MAX_PRINTED - len(self.text)]
        return len(text)


class Worker:
    """The releases that are open, and the functions that were read from them."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Release] = OrderedDict()
        self._over: dict[str, EditedRelease] = {}
        self._code: dict[tuple[str, str], CodeType] = {}
        self._guard = Guard()

    def prepare(self, question: Mapping[str, Any]) -> tuple[Opened, ServedFunction, CodeType]:
        """What a question needs, read once. Raises ReleaseError, or ValueError for a source that is not the sealed one."""
        read = self._release(question["folder"], question["indexes"], _rules(question["access"]))
        planned = [edits.from_json(said) for said in question["planned"]]
        release = planned_over(self._edited(read, question["overlay"]), planned)
        function = release.ontology.functions[question["function"]]
        known = self._code.get((release.id, function.source))
        if known is None:
            known = self._code[release.id, function.source] = sealed_code(release, function)
        return release, function, known

    def answer(self, question: Mapping[str, Any], release: Opened, function: ServedFunction, code: CodeType) -> Answer:
        """The value, or what went wrong. Never raises, whatever the function does short of ending the process."""
        printed, told = Printed(), question["principal"]
        attributes = {name: _attribute(value) for name, value in told["attributes"].items()}
        principal = Principal(told["id"], frozenset(told["roles"]), attributes, frozenset(told["markings"]))
        readable = (release.folder, Path(question["indexes"]))
        view: View | None = None
        try:
            view = on_record(seen_by(principal, release))
            objects = Objects(release, view)
            with (
                limited(memory=question["memory"], seconds=function.time_limit_seconds),
                redirect_stdout(printed),
                redirect_stderr(printed),
            ):
                given = arguments(function, question["arguments"], objects)
                with self._guard.raised(readable):
                    made: Answer = {"value": result(function, entry_point(function, code)(objects, **given), objects)}
        except BaseException as error:
            made = _failure(error)
        noted = view.noted.taken() if view is not None and view.noted is not None else {}
        return {**made, "printed": printed.text, "noted": noted}

    def _edited(self, release: Release, said: Mapping[str, Any] | None) -> Opened:
        """With what the service sees laid over it; the last of each release is kept, and made to be the next."""
        if said is None:
            return release
        known = self._over.get(release.id)
        if known is None or known.edit_no > said["edit_no"]:
            known = with_nothing(release)
        known = known if known.base is release else known.ruled_by(release)
        if known.edit_no != said["edit_no"]:
            known = known.moved(overlay.from_json(said))
        self._over[release.id] = known
        return known

    def _release(self, folder: str, indexes: str, access: ServedAccess) -> Release:
        found = (self._open.pop(folder, None) or open_release(Path(folder), Path(indexes))).under(access)
        self._open[folder] = found
        while len(self._open) > RELEASES:
            _, old = self._open.popitem(last=False)
            self._over.pop(old.id, None)
            self._code = {key: code for key, code in self._code.items() if key[0] != old.id}
            old.close()
        return found


def sealed_code(release: Opened, function: ServedFunction) -> CodeType:
    """The code of a function's source as it was sealed. Raises ValueError if the file is another by now."""
    path = f"functions/{function.source}"
    source, entry = (release.folder / path).read_bytes(), release.manifest.files.get(path)
    if entry is None or hashlib.sha256(source).hexdigest() != entry.sha256:
        raise ValueError(f"{path} is not the file that was sealed in release {release.id[:12]}")
    return compile(source, path, "exec", dont_inherit=True)


def entry_point(function: ServedFunction, code: CodeType) -> Callable[..., object]:
    """The callable, in a module made for this call. Raises whatever the module raises, or NameError."""
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module  # dataclasses look their module up
    exec(code, module.__dict__)  # noqa: S102  # the sealed source of this release: running it is what this process is for
    found = getattr(module, function.entry, None)
    if not callable(found):
        raise NameError(f"{function.source} has no function {function.entry}")
    entry: Callable[..., object] = found
    return entry


def _failure(error: BaseException) -> Answer:
    if isinstance(error, WrongResult):
        return {"error": "invalid", "words": str(error)}
    words = error.message if isinstance(error, PalantirError) else _first_line(error)
    name = type(error).__name__
    text = "".join(traceback.format_exception(error, limit=-20))[-8_000:]
    too_large = isinstance(error, MemoryError) or name == "OutOfMemoryException"
    return {"error": "large" if too_large else "failed", "words": f"{name}: {words}"[:MAX_WORDS], "traceback": text}


def _first_line(error: BaseException) -> str:
    try:
        return (str(error).strip().splitlines() or [""])[0].encode("utf-8", "replace").decode()
    except Exception:  # an exception whose words fail
        return "(it cannot say why)"


@lru_cache(maxsize=4)
def _rules(text: str) -> ServedAccess:
    return ServedAccess.model_validate_json(text)


def _attribute(value: object) -> str | int | float | bool | tuple[str, ...]:
    if isinstance(value, list):
        return tuple(map(str, value))
    return value if isinstance(value, str | int | float | bool) else str(value)


def _end_with_the_service() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


def serve(line: socket.socket) -> None:
    """Questions and answers until the line breaks, or a call leaves something: short memory, or a thread that goes on."""
    worker, threads = Worker(), _threads()
    wire.send(line, {"ready": os.getpid()})
    while True:
        question = wire.receive(line)
        try:
            prepared = worker.prepare(question)
        except Exception as error:
            wire.send(line, {"begun": False, "words": _first_line(error), "traceback": traceback.format_exc()[-8_000:]})
            continue
        wire.send(line, {"begun": True})
        answer = worker.answer(question, *prepared)
        beside = {"printed": answer["printed"], "noted": answer["noted"]}
        try:
            wire.send(line, answer)
        except wire.TooLong as error:
            wire.send(line, {"error": "invalid", "words": f"its result is too long: {error}", **beside})
        except TypeError as error:
            wire.send(line, {"error": "invalid", "words": f"its result holds what JSON cannot tell: {error}", **beside})
        if answer.get("error") == "large" or _threads() - threads:
            return


def _threads() -> set[threading.Thread]:
    """Those that run, but for the one that looks after statements: it starts with the first and is nobody's own."""
    return {thread for thread in threading.enumerate() if thread is not WATCHDOG.thread}


def main(arguments: list[str]) -> None:
    settle()
    sys.dont_write_bytecode = True
    line = socket.socket(fileno=int(arguments[0]))
    line.set_inheritable(False)
    sys.stdin = io.StringIO()  # the real one is the lifeline
    threading.Thread(target=_end_with_the_service, name="lifeline", daemon=True).start()
    with suppress(wire.Gone):
        serve(line)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
