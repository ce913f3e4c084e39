from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from palantir_assets.cli import locks

HOLD = """
import sys
from pathlib import Path
from palantir_assets.cli import locks
with locks.hold(Path(sys.argv[1]), refusal="", next_step=""):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_refused_while_another_process_holds_it_and_free_when_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "up"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert locks.holder(file) == other.pid
        with (
            pytest.raises(locks.Occupied, match=f"taken .process {other.pid}.") as refused,
            locks.hold(file, refusal="taken", next_step="wait"),
        ):
            pass
        assert refused.value.advice == "wait"
        other.kill()
    assert locks.holder(file) is None
    with locks.hold(file, refusal="taken", next_step="wait"):
        assert file.read_text() == str(os.getpid())


def test_asking_who_holds_a_lock_makes_no_lock(tmp_path: Path) -> None:
    assert locks.holder(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


def test_a_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), locks.hold(tmp_path / "up", refusal="taken", next_step="wait"):
        raise ValueError("inside")
    assert locks.holder(tmp_path / "up") is None
