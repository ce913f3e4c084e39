"""R31, of what leaves: every effect is settled and sent at least once, whatever point its worker is ended at.

Mails and webhooks of 120 actions; a worker is ended at every named point and at every step of the ledger in turn, and
another goes on. Receivers keep what reached them outside the ledger, as a post office would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from random import Random

import pytest

from palantir_assets.effects.sending import Worker
from palantir_assets.errors import NotSent
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.identities import open_identities
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.outbox import LEASE, Outbox
from tests.effects.letters import hooks, mail, senders
from tests.soundness.conftest import FULL, Score
from tests.soundness.crashing import KILLED, Countdown, lines, note, start, wait
from tests.stores.ledgers import batch

NOW = datetime(2024, 5, 1, tzinfo=UTC)
EFFECTS = 400 if FULL else 120


class Receivers:
    """Notes each arrival in a file, by its id; now and then refuses, before or after it has arrived."""

    def __init__(self, file: Path, chance: Random) -> None:
        self.file, self.chance = file, chance

    def send(self, message: EmailMessage, to: str, *, name: str) -> None:
        self._arrive(message["Message-ID"].partition(".")[0].lstrip("<"))

    def call(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._arrive(headers["webhook-id"])

    def _arrive(self, name: str) -> None:
        fate = self.chance.random()
        if fate < 0.15:
            raise NotSent("away")
        note(self.file, name)
        if fate < 0.25:
            raise NotSent("away, after it had arrived")


def work(url: str, key_file: Path, folder: Path, *, at: datetime, end_at: int, seed: int) -> None:
    """One worker's life: it sends until nothing is due, or is ended at the n-th step."""
    database = open_database(url, key_file)
    steps = Countdown(database, end_at)
    receivers = Receivers(folder / "arrived", Random(seed))
    outbox = Outbox(database, most_attempts=50)
    identities = open_identities(database)
    sending = senders(database, identities, lambda: at, receivers, calling=receivers.call, webhooks=folder / "webhooks.toml", per_hour=9999)
    at_work = Worker(outbox, sending, lambda: at, reach=steps.step)
    while at_work.send_due():
        pass


@pytest.mark.timeout(600)
def test_r31_every_effect_is_settled_and_sent_at_least_once(ledger_url: str, key_file: Path, tmp_path: Path, score: Score) -> None:
    hooks(tmp_path, "desk", "http://127.0.0.1:9/")
    with closing(open_database(ledger_url, key_file)) as database:
        log = EditLog(database)
        for number in range(EFFECTS // 2):
            log.append(batch("a", at=NOW, effects=[mail(f"u{number}@example.org"), NewEffect("webhook", "desk", {"n": number})]))
    at, killed, rounds = NOW, 0, 0
    while not settled(ledger_url, key_file):
        rounds += 1
        # every point in turn at first, so that no kind of step is left out; then further and further
        end_at = rounds if rounds <= 40 else rounds * 5
        child = start(lambda at=at, end_at=end_at, rounds=rounds: work(ledger_url, key_file, tmp_path, at=at, end_at=end_at, seed=rounds))
        killed += wait(child) == KILLED
        at += LEASE + timedelta(hours=1)
        assert rounds < 500
    with closing(open_database(ledger_url, key_file)) as database:
        found = violations(database, Counter(lines(tmp_path / "arrived")))
    print(f"\nR31: {EFFECTS} effects, {killed} workers ended", *found, sep="\n  ")
    assert killed >= 40
    score("R31", EFFECTS, len(found))


def settled(url: str, key_file: Path) -> bool:
    with closing(open_database(url, key_file)) as database:
        return Outbox(database).count("done") == EFFECTS


def violations(database: Database, arrived: Counter[str]) -> list[str]:
    effects = Outbox(database).list(limit=10_000)
    found = [f"effect {each.effect_no} never arrived" for each in effects if not arrived[f"effect-{each.effect_no}"]]
    found += [f"effect {each.effect_no} is {each.state}" for each in effects if each.state != "done"]
    found += [f"{name} is nobody's" for name in arrived if name not in {f"effect-{each.effect_no}" for each in effects}]
    done = Counter(row.subject for row in Ledger(database).audit(limit=100_000) if row.action == "effect.done")
    found += [
        f"effect {each.effect_no} is told done {done[f'effect {each.effect_no}']} times"
        for each in effects
        if done[f"effect {each.effect_no}"] != 1
    ]
    return found + [str(problem) for problem in Ledger(database).verify_chain()]
