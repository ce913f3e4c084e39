"""`palantir up`: serve at once what was released last, build what is stale, then keep everything running.

    lock, ports ──▶ API ──▶ build (a child; the API goes on serving) ──▶ Dagster, outbox ──▶ tend until told to stop

The Dagster processes start when the build has ended: on a small machine their start would make the first
release later. How children are kept alive is `supervisor`'s; what a build is, `build`'s.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from palantir_assets.cli import boot, console, locks, ports, probe, progress, users
from palantir_assets.cli.build import sentence
from palantir_assets.cli.building import BuildProcess, Ended, told
from palantir_assets.cli.supervisor import Child, News, Supervisor
from palantir_assets.cli.viewing import Viewing
from palantir_assets.settings import DAGSTER_PREFIX, Settings

TEND_SECONDS, ASK_SECONDS, SERVED_WITHIN_SECONDS = 0.25, 15.0, 60.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Cast:
    """The processes of one `up`."""

    api: Child
    build: Child
    dagster: tuple[Child, ...]
    outbox: tuple[Child, ...] = ()
    viewer: Child | None = None
    """Dagster's pages for who may only look: there while somebody looks."""


def cast(settings: Settings, *, dagster: bool) -> Cast:
    """The commands that `up` runs."""
    palantir = (sys.executable, "-m", "palantir_assets.cli")
    environment = boot.environment(settings)
    workspace = ("-w", str(settings.dagster_home / "workspace.yaml"))
    web = (_script("dagster-webserver"), "-h", ports.LOOPBACK, "--path-prefix", DAGSTER_PREFIX, *workspace)
    ui, only_shows = (*web, "-p", str(settings.dagster_port)), (*web, "-p", str(settings.dagster_viewer_port), "--read-only")

    def child(name: str, *command: str) -> Child:
        return Child(name, command, boot.log_file(settings, name), environment)

    both = (child("dagster-ui", *ui), child("dagster-daemon", _script("dagster-daemon"), "run", *workspace))
    sending = (child("outbox", *palantir, "outbox", "run"),)
    api, build = child("api", *palantir, "serve"), child("build", *palantir, "build", "--events-json")
    return Cast(api, build, both, sending, child("dagster-viewer", *only_shows)) if dagster else Cast(api, build, (), sending)


def command(settings: Settings, *, dagster: bool, once: bool, as_json: bool = False) -> int:
    """Check everything that can be checked before, then run; return the exit code."""
    boot.require_project(settings)
    boot.make_layout(settings)
    advice = "use the one that runs, stop it, or set PALANTIR_STATE to another folder"
    with locks.hold(boot.lock_file(settings, "up"), refusal="`palantir up` runs already in this state folder", next_step=advice):
        ports.require_free([ports.api(settings), *(ports.dagster(settings) if dagster else [])])
        users.welcome(settings)
        return perform(settings, cast(settings, dagster=dagster), once=once, as_json=as_json)


def perform(settings: Settings, cast: Cast, *, once: bool, as_json: bool = False) -> int:
    """Run the cast until a signal, or with `once` until what was built is served."""
    with _stop_requested() as stopping:
        show = Performance(settings, cast, stopping)
        try:
            ended = show.build()
            if ended is None:
                return 0
            if once:
                return show.wait_until_served(ended, as_json=as_json)
            return show.go_on()
        finally:
            show.stop()


class Performance:
    """One run of `up`, from its first child to its last."""

    def __init__(self, settings: Settings, cast: Cast, stopping: threading.Event) -> None:
        self._settings, self._cast, self._stopping = settings, cast, stopping
        self._began = time.monotonic()
        self._asked, self._release, self._answered = 0.0, "", 0.0
        self._building: BuildProcess | None = None
        self._supervisor = Supervisor(tell=self._tell)
        self._viewing = Viewing(None, settings.dagster_wanted, self._supervisor)
        console.say(f"API on {probe.url(settings)}: starts now, with what was released last")
        self._supervisor.start(cast.api)

    def build(self) -> Ended | None:
        """Build in a child while serving; None if a stop was asked for meanwhile."""
        self._building = BuildProcess(self._cast.build)
        ended: Ended | None = None
        with progress.drawn(console.err()) as painter:
            while ended is None and not self._stopping.is_set():
                events, ended = self._building.events(wait=TEND_SECONDS)
                for event in events:
                    painter.show(event)
                self._tend(every=1.0)
        if ended is not None:
            self._building = None
            self._tell_end(ended)
        return ended

    def wait_until_served(self, ended: Ended, *, as_json: bool) -> int:
        """For `--once`: wait until the API serves what was built, and say how long that took from the start."""
        built = time.monotonic() - self._began
        wanted = ended.outcome["release_id"] if ended.outcome else None
        deadline = time.monotonic() + SERVED_WITHIN_SECONDS
        while ended.succeeded and not self._stopping.is_set() and time.monotonic() < deadline and self._supervisor.alive("api"):
            self._tend(every=0.1)
            if self._release and self._release == (wanted or self._release):
                self._report(built, as_json=as_json)
                return 0
            time.sleep(0.05)
        if ended.succeeded:
            console.say(f"error: the API does not serve release {wanted}\nnext: read {self._cast.api.log}")
        return console.EXIT_REFUSED

    def go_on(self) -> int:
        """Start Dagster's processes and tend everything until a stop is asked for, or the API is given up."""
        for child in (*self._cast.dagster, *self._cast.outbox):
            self._supervisor.start(child)
        self._viewing = Viewing(self._cast.viewer, self._settings.dagster_wanted, self._supervisor)
        self._greet()
        while not self._stopping.wait(TEND_SECONDS):
            self._tend(every=ASK_SECONDS if self._release else 1.0)
            if not self._supervisor.alive("api"):
                return console.EXIT_REFUSED
        return 0

    def stop(self) -> None:
        """End all; a second Ctrl-C ends it at once."""
        console.say("stopping …")
        grace = 10.0
        while True:
            try:
                if self._building:
                    self._building.stop(grace=grace)
                self._supervisor.stop(grace=grace)
                return
            except KeyboardInterrupt:
                grace = 0.0

    def _tend(self, *, every: float) -> None:
        """Look after the children, and ask the API what it serves if it was not asked for `every` seconds."""
        self._supervisor.tend()
        self._viewing.tend()
        if time.monotonic() - self._asked < every:
            return
        self._asked = time.monotonic()
        served = probe.ask(self._settings)
        if served:
            self._answered = self._answered or time.monotonic()
        if served and served.release_id and served.release_id != self._release:
            self._release = served.release_id
            console.say(f"API serves release {self._release}")

    def _report(self, built: float, *, as_json: bool) -> None:
        seconds = round(time.monotonic() - self._began, 2)
        first = round(self._answered - self._began, 2)
        if as_json:
            console.answer_json(
                {
                    "release_id": self._release,
                    "seconds_to_served": seconds,
                    "seconds_to_first_answer": first,
                    "build_seconds": round(built, 2),
                }
            )
        else:
            console.answer(
                f"release {self._release} served after {seconds:.1f} s (API answered after {first:.1f} s, build ended after {built:.1f} s)"
            )

    def _tell_end(self, ended: Ended) -> None:
        if ended.outcome is not None:
            console.say(f"build: {sentence(ended.outcome)}")
        else:
            console.say(f"build failed: {ended.error}")
        if not ended.succeeded:
            console.say(f"still serving release {self._release}" if self._release else "nothing to serve yet: no build has made a release")
            console.say(f"next: {ended.advice or f'see {self._cast.build.log}, mend the cause, then run `palantir build`'}")

    def _greet(self) -> None:
        address = probe.url(self._settings)
        lines = [f"API        {address}", f"API docs   {address}/docs"]
        if self._cast.dagster:
            lines.append(f"Dagster    {address}{DAGSTER_PREFIX}/ for who signed in; who holds the role engineer changes things there")
        lines.append(f"Sign in    {self._settings.public_url}/sign-in; `palantir user code admin` prints a one-time code")
        if not ports.is_loopback(self._settings.host) and not self._settings.public_url.startswith("https://"):
            lines.append(f"           PASSWORDS AND TOKENS TRAVEL READABLE to {self._settings.host}: set PALANTIR_PUBLIC_URL to https://…")
        console.say("\n".join([*lines, f"Logs       {self._cast.api.log.parent}", "Stop       Ctrl-C"]))

    def _tell(self, news: News) -> None:
        if news.kind == "died":
            console.say(f"{news.child} ended ({told(news.code)}); starting it again in {news.pause:.0f} s; its log is {news.log}")
        else:
            console.say(f"{news.child} ended again and again ({told(news.code)}) and is given up\nnext: read {news.log}")


def _script(name: str) -> str:
    """A command that was installed beside this interpreter."""
    return str(Path(sys.executable).with_name(name))


@contextmanager
def _stop_requested() -> Iterator[threading.Event]:
    """An event that the first stop signal sets; a second raises KeyboardInterrupt."""
    stopping = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    before: list[tuple[int, Any]] = [(number, signal.signal(number, note)) for number in STOP_SIGNALS]
    try:
        yield stopping
    finally:
        for number, handler in before:
            signal.signal(number, handler)
