from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("help", "setup", "run", "test", "coverage", "bench", "soundness", "conformance", "check", "clean")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, env=kept, capture_output=True, text=True, timeout=60)


def test_make_alone_tells_every_target() -> None:
    told = [line.split()[1] for line in make().stdout.splitlines()]
    assert told == list(TARGETS)


def test_a_python_that_cannot_make_environments_is_told_with_the_package(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\n')
    python.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = make("run", f"PYTHON={python}", folder=tmp_path)
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr


def test_a_python_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    assert "Python 3.11 or 3.12 is needed" in make("run", "PYTHON=python-that-is-not-there", folder=tmp_path).stderr
