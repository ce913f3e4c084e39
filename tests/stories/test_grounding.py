"""A plane is taken out of service, and put back: by people, through real processes, mails, builds and releases, in full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.stories.grounding import Site, prepared, tell
from tests.stories.hangars import Mailbox, new_hangar, post_office


@pytest.fixture
def office() -> Iterator[tuple[Mailbox, str]]:
    with post_office() as found:
        yield found


def told(root: Path, ledger_url: str, office: tuple[Mailbox, str]) -> None:
    box, smtp_url = office
    hangar = new_hangar(root, ledger_url, smtp_url)
    prepared(hangar)
    site = Site(hangar, box)
    with site.open():
        tell(site)


@pytest.mark.timeout(900)
def test_a_plane_is_grounded_by_two_people_and_all_of_it_is_taken_back(tmp_path: Path, office: tuple[Mailbox, str]) -> None:
    root = tmp_path / "hangar"
    told(root, f"sqlite:///{root / 'var' / 'ledger.db'}", office)


@pytest.mark.soundness
@pytest.mark.timeout(900)
def test_so_it_is_on_postgresql(tmp_path: Path, office: tuple[Mailbox, str], postgres_server: postgres.Server) -> None:
    told(tmp_path / "hangar", postgres_server.new_database(), office)
