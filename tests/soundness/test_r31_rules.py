"""R31, of rules: a firing is written once with all that follows, or not at all, whatever step its worker is ended at."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from palantir_assets.effects.rules import Watch
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.mail_choices import MailChoices
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.rules import ArmedRules
from tests.effects.test_rules import arm, change, key_of, released
from tests.fakes.identity import Clock, World, world
from tests.fakes.shop_release import settings_in
from tests.soundness.conftest import Score
from tests.soundness.crashing import KILLED, Countdown, start, wait

PERIOD = 12
"""More steps than one transaction of a look has."""


def look(url: str, folder: Path, end_at: int) -> None:
    database = open_database(url, folder / "keys" / "audit.key")
    steps = Countdown(database, end_at)
    rules = ArmedRules(database, reach=steps.step)
    releases = settings_in(folder / "shop").releases
    at_work = Watch(rules, Ledger(database), EditLog(database), MailChoices(database), releases, Clock())
    while at_work.look():
        pass


def test_r31_a_rule_fires_once_whatever_step_its_worker_is_ended_at(ledger_url: str, tmp_path: Path, score: Score) -> None:
    made: World = world(tmp_path, url=ledger_url)
    settings = settings_in(tmp_path / "shop")
    released(made, settings, {})
    arm(made)
    for number in range(1, 4):
        released(made, settings, {number: 9000.0 + number})
    change(made, key_of(7), amount=8000.0)
    made.close()
    killed = 0
    for end_at in range(1, 200):
        child = start(lambda end_at=end_at: look(ledger_url, tmp_path, end_at))
        ended = wait(child) == KILLED
        killed += ended
        if not ended:
            break
    with closing(open_database(ledger_url, tmp_path / "keys" / "audit.key")) as database:
        fired = ArmedRules(database).firings()
        expected = ["edits 1 to 1", "release 2", "release 3", "release 4"]
        effects = [(each.action_no, each.kind) for each in Outbox(database).list()]
        wrong = [] if sorted(each.span for each in fired) == expected else [each.span for each in fired]
        wrong += [str(each.action_no) for each in fired if sum(number == each.action_no for number, _ in effects) != 4]
        wrong += [str(problem) for problem in Ledger(database).verify_chain()]
    print(f"\nR31: 4 firings, {killed} workers ended", *wrong, sep="\n  ")
    assert killed >= PERIOD
    score("R31", 4, len(wrong))
