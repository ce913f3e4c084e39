from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from palantir_assets.cli.supervisor import Backoff, News, Supervisor, spawn
from tests.cli.helpers import MakeChild, is_alive, until

QUICK = Backoff(first=0.01, longest=0.02, attempts=3)
WRITE_PID_AND_WAIT = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"
WITH_GRANDCHILD = (
    "import os, subprocess, sys, time; c = subprocess.Popen([sys.executable, '-IS', '-c', 'import time; time.sleep(600)']);"
    "open(sys.argv[1], 'a').write(f'{os.getpid()}\\n{c.pid}\\n'); time.sleep(600)"
)
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WRITE_PID_AND_WAIT
PARENT = """
import sys, time
from functools import partial
from pathlib import Path
from palantir_assets.cli.supervisor import Child, spawn
spawn(Child("child", (sys.executable, "-IS", "-c", sys.argv[1], sys.argv[2]), Path(sys.argv[2] + ".log")))
time.sleep(600)
"""


def pids(file: Path, *, count: int = 1) -> list[int]:
    until(lambda: file.exists() and file.read_text().count("\n") >= count)
    return [int(line) for line in file.read_text().split()]


def news_after(news: list[News], before: int) -> bool:
    return len(news) > before


def tended(supervisor: Supervisor, condition: Callable[[], bool]) -> Callable[[], bool]:
    """The condition, asked after looking after the children."""

    def asked() -> bool:
        supervisor.tend()
        return condition()

    return asked


def test_a_child_that_is_killed_is_started_again_and_told(script: MakeChild, tmp_path: Path) -> None:
    news: list[News] = []
    supervisor = Supervisor(tell=news.append, backoff=QUICK)
    supervisor.start(script("api", WRITE_PID_AND_WAIT, str(tmp_path / "pids")))
    try:
        os.kill(pids(tmp_path / "pids")[0], signal.SIGKILL)
        until(tended(supervisor, lambda: len((tmp_path / "pids").read_text().split()) == 2))
        assert [(each.child, each.kind, each.code) for each in news] == [("api", "died", -9)]
        assert supervisor.alive("api")
    finally:
        supervisor.stop()
    assert not any(is_alive(pid) for pid in pids(tmp_path / "pids"))


def test_a_child_that_never_lives_is_given_up_after_so_many_starts(script: MakeChild) -> None:
    news: list[News] = []
    supervisor = Supervisor(tell=news.append, backoff=QUICK)
    supervisor.start(script("api", "raise SystemExit(3)"))
    until(tended(supervisor, lambda: not supervisor.alive("api")))
    supervisor.tend()
    assert [each.kind for each in news] == ["died"] * QUICK.attempts + ["given_up"]
    assert {each.code for each in news} == {3}


def test_pauses_grow_to_a_limit() -> None:
    assert [Backoff(first=1, longest=5).pause(deaths) for deaths in (1, 2, 3, 4, 9)] == [1, 2, 4, 5, 5]


def test_a_long_life_forgives_earlier_deaths(script: MakeChild) -> None:
    now = [0.0]
    news: list[News] = []
    supervisor = Supervisor(tell=news.append, backoff=Backoff(first=1, attempts=2, steady=60), clock=lambda: now[0])
    supervisor.start(script("api", "raise SystemExit(0)"))
    for _ in range(5):
        now[0] += 100.0  # lived long, as far as the clock knows
        before = len(news)
        until(tended(supervisor, partial(news_after, news, before)))
        now[0] += 1.0
        supervisor.tend()
    assert all(each.kind == "died" and each.pause == 1 for each in news)
    supervisor.stop()


def test_stopping_ends_what_a_child_started_too(script: MakeChild, tmp_path: Path) -> None:
    supervisor = Supervisor(tell=lambda _: None)
    supervisor.start(script("ui", WITH_GRANDCHILD, str(tmp_path / "pids")))
    both = pids(tmp_path / "pids", count=2)
    supervisor.stop(grace=5)
    until(lambda: not any(is_alive(pid) for pid in both))


def test_a_child_that_will_not_stop_is_killed(script: MakeChild, tmp_path: Path) -> None:
    supervisor = Supervisor(tell=lambda _: None)
    supervisor.start(script("daemon", STUBBORN, str(tmp_path / "pids")))
    pid = pids(tmp_path / "pids")[0]
    supervisor.stop(grace=0.2)
    assert not is_alive(pid)


@pytest.mark.soundness  # red once in some hundred times on a busy machine, and nobody knows yet why
def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, WRITE_PID_AND_WAIT, str(tmp_path / "pids")])
    child = pids(tmp_path / "pids")[0]
    parent.kill()
    parent.wait()
    until(lambda: not is_alive(child))


def test_what_a_child_says_is_in_its_log(script: MakeChild) -> None:
    child = script("api", "import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr)")
    assert spawn(child).wait() == 0
    assert child.log.read_text() == "to stdout\nto stderr\n"


def test_a_long_log_is_put_aside(script: MakeChild) -> None:
    child = script("api", "print('new')")
    with child.log.open("wb") as log:
        log.truncate(30_000_000)
    spawn(child).wait()
    assert child.log.read_text() == "new\n"
    assert child.log.with_suffix(".log.1").stat().st_size == 30_000_000
