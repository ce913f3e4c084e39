"""The library that lends books and films: a small project that uses every part of the spec language, built for real.

Its files lie in `tests/stories/library`. `build_library(folder)` copies them and makes a release of them in `folder`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from palantir_assets.assets.rounds import BuildOutcome, build
from palantir_assets.cli import boot
from palantir_assets.settings import Settings, load_settings

LIBRARY = Path(__file__).parent / "library"


def copy_library(folder: Path) -> Settings:
    """The library's files in an empty folder, and the settings of the project that they are."""
    shutil.copytree(LIBRARY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return load_settings({}, project=folder)


def build_library(settings: Settings) -> BuildOutcome:
    """Build everything of a copied library; fails with what the steps and checks said."""
    said: list[str] = []
    with environment_of(settings):
        boot.boot(settings)
        made = build(settings, on_event=lambda event: said.append(f"{event.asset} {event.detail}") if event.kind == "step_failed" else None)
    assert not made.failed, (said, made)
    return made


@contextmanager
def environment_of(settings: Settings) -> Iterator[None]:
    """This process pointed at a project, as `palantir build` does, and put back."""
    before = dict(os.environ)
    os.environ.update(boot.environment(settings))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
