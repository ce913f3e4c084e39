"""The same story with `kill -9` at every point that an action, a rule, an effect and a build pass: it ends in the same state."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.scorecard import Score
from tests.stories.grounding import Site, prepared, tell
from tests.stories.hangars import Hangar, new_hangar, post_office
from tests.stories.killed import OF_ACTIONS, OF_EFFECTS, OF_RULES, TWICE_EACH, KilledSite, RecordedSite, left_by

OF_WRITES = {*OF_ACTIONS, *OF_EFFECTS, *OF_RULES}
OF_PUBLISHING = {"seal.rename", "publish.rename", "commit.before", "commit.after"}


@dataclass(frozen=True)
class Start:
    """A hangar as it was before the story, to be put back under the same path."""

    hangar: Hangar
    saved: Path

    def again(self, smtp_url: str) -> Hangar:
        shutil.rmtree(self.hangar.root)
        subprocess.run(["cp", "-a", str(self.saved), str(self.hangar.root)], check=True)
        return Hangar(self.hangar.root, self.hangar.ledger_url, smtp_url, tokens=self.hangar.tokens)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    root = tmp_path / "hangar"
    hangar = new_hangar(root, f"sqlite:///{root / 'var' / 'ledger.db'}", "smtp://127.0.0.1:9")
    prepared(hangar)
    subprocess.run(["cp", "-a", str(root), str(tmp_path / "saved")], check=True)
    yield Start(hangar, tmp_path / "saved")


@pytest.mark.soundness
@pytest.mark.timeout(900)
def test_what_people_do_ends_in_the_same_state_whoever_is_killed_at_whatever_point(start: Start, score: Score) -> None:
    with post_office() as (box, url):
        expected = left_after(Site(start.again(url), box), built=False)
    with post_office() as (box, url):
        site = KilledSite(start.again(url), box, next_end=cycle(TWICE_EACH))
        found = left_after(site, built=False)
    score("story", site.kills.total(), differences(expected, found, site, OF_WRITES))


@pytest.mark.soundness
@pytest.mark.timeout(7200)
def test_so_does_the_story_with_all_its_builds(start: Start, score: Score) -> None:
    """Each write ends at each point, each effect at each of its, and each build at each point that the unharmed one passed.

    A build dies at the first of these points that it passes and no build before it has died at, until one passes no more of them.
    """
    with post_office() as (box, url):
        unharmed = RecordedSite(start.again(url), box)
        expected = left_after(unharmed, built=True)
    with post_office() as (box, url):
        site = KilledSite(start.again(url), box, builds=iter(unharmed.passed), rounds=6, next_end=cycle(OF_ACTIONS))
        found = left_after(site, built=True)
    score("story", site.kills.total(), differences(expected, found, site, {*OF_WRITES, *OF_PUBLISHING}))


def left_after(site: Site, *, built: bool) -> dict[str, Any]:
    """What the story has left when it was told on a site."""
    with site.open():
        tell(site, built=built)
        return left_by(site)


def differences(expected: dict[str, Any], found: dict[str, Any], site: KilledSite, points: set[str]) -> int:
    """How many parts of the state differ, each printed; every point must have ended a process."""
    print(f"\n{site.kills.total()} processes killed at {len(+site.kills)} points", *site.kills.items(), sep="\n  ")
    assert points <= {*+site.kills}, points - {*+site.kills}
    assert all(expected.values()), "nothing of what is compared is empty"
    different = [name for name in expected if found[name] != expected[name]]
    for name in different:
        print(name, expected[name], found[name], sep="\n    ")
    return len(different)
