"""The pages that only show are started when somebody wants them, and ended when nobody does."""

from __future__ import annotations

import os
from pathlib import Path

from palantir_assets.cli.supervisor import Child, Supervisor
from palantir_assets.cli.viewing import IDLE_SECONDS, Viewing


def test_a_child_runs_from_when_it_is_wanted_until_nobody_wants_it(tmp_path: Path) -> None:
    wanted, supervisor, now = tmp_path / "wanted", Supervisor(tell=lambda news: None), [1000.0]
    wanted.touch()  # of an earlier run: forgotten
    viewing = Viewing(Child("viewer", ("sleep", "60"), tmp_path / "log"), wanted, supervisor, clock=lambda: now[0])
    try:
        viewing.tend()
        assert not supervisor.alive("viewer")
        wanted.touch()
        os.utime(wanted, (now[0], now[0]))
        now[0] += 1
        viewing.tend()
        assert supervisor.alive("viewer")
        now[0] += IDLE_SECONDS
        viewing.tend()
        assert not supervisor.alive("viewer")
    finally:
        supervisor.stop(grace=1.0)


def test_what_is_never_wanted_is_never_started(tmp_path: Path) -> None:
    supervisor = Supervisor(tell=lambda news: None)
    viewing = Viewing(None, tmp_path / "wanted", supervisor)
    (tmp_path / "wanted").touch()
    viewing.tend()
    assert not supervisor.alive("viewer")
