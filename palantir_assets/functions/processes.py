"""One worker process, seen from the service: started with its first question, watched by the clock, killed.

Which worker answers which call is decided in `running`; what happens inside the process, in `worker`.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import palantir_assets
from palantir_assets.errors import FunctionFailed, FunctionTooSlow
from palantir_assets.functions import wire
from palantir_assets.ontology.served_parts import ServedFunction

LOG: Final = logging.getLogger(__name__)

_INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")


class WorkerProcess:
    """One process and the line to it. Made cheaply: the process starts with the first question."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._stderr: IO[bytes] | None = None
        self._last_words = ""
        self.alive = True

    def ask(self, function: ServedFunction, question: Mapping[str, object], opening: float) -> Mapping[str, Any]:
        """The worker's answer. Whatever goes wrong here ends the process: it may be in the middle of anything."""
        warm, began = self._line is not None, False
        answer: dict[str, Any]
        try:
            until = time.monotonic() + opening
            line = self._line or self._start(until)
            wire.send(line, question, until=until)
            answer = wire.receive(line, until=until)
            if not answer["begun"]:
                return {"error": "failed", **answer}
            began = True
            answer = wire.receive(line, until=time.monotonic() + function.time_limit_seconds)
        except TimeoutError:
            self.end()
            if began:
                raise FunctionTooSlow(function.name, f"took longer than {function.time_limit_seconds:g} s and was ended") from None
            raise FunctionFailed(function.name, f"could not be started within {opening:g} s") from None
        except wire.TooLong as error:
            self.end()
            raise FunctionFailed(function.name, f"was asked with too much: {error}") from None
        except wire.Gone:
            status = self.end()
            if warm and not began:  # it died while nobody asked it anything: another does as well
                self.alive = True
                return self.ask(function, question, opening)
            LOG.error("a worker ended (%s): %s", _in_words(status), self._last_words)
            raise FunctionFailed(function.name, f"ended its process ({_in_words(status)})") from None
        except BaseException:
            self.end()
            raise
        self.alive = answer.get("error") != "large"
        return answer

    def end(self) -> int | None:
        """Kill the process and everything it may have started; its exit status."""
        self.alive = False
        line, process, self._line, self._process = self._line, self._process, None, None
        if line is not None:
            line.close()
        if process is None:
            return None
        with suppress(subprocess.TimeoutExpired):  # one that ended by itself has a status that tells something
            process.wait(0.05)
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(OSError):
            if process.stdin:
                process.stdin.close()
        status = process.wait()
        if self._stderr is not None:
            self._last_words = _tail(self._stderr)
            self._stderr.close()
            self._stderr = None
        return status

    def _start(self, until: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._stderr = TemporaryFile()  # noqa: SIM115  # closed by `end`
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "palantir_assets.functions.worker", str(theirs.fileno())],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._stderr, pass_fds=[theirs.fileno()],
                env=environment(os.environ), cwd="/", start_new_session=True,
            )  # fmt: skip
        self._line = ours
        wire.receive(ours, until=until)
        return ours


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What a worker learns of the environment: where libraries are, and no more. Secrets stay here."""
    home = Path(palantir_assets.__file__).resolve().parents[1]
    fixed = {"PYTHONPATH": str(home), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return {name: ours[name] for name in _INHERITED if name in ours} | fixed | threads


def _tail(file: IO[bytes]) -> str:
    """The end of what a process wrote to its standard error: why it could not start, or where it crashed."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 4_000))
    return file.read().decode("utf-8", "replace").strip()


def _in_words(status: int | None) -> str:
    if status is None:
        return "it had not begun"
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
