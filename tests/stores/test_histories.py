"""The ledger as histories: whole, in order, and with what wrote nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from palantir_assets.access.policy import Allowed
from palantir_assets.actions.edits import Applied, Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.overlay import pair
from palantir_assets.actions.recording import written
from palantir_assets.actions.reverting import revert, standing
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import Batch, NewEdit, Status
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.histories import Moment, history_of, last_words, moment, whole_history
from palantir_assets.stores.ledger import Ledger
from tests.actions.worlds import random_action, random_base
from tests.stores.ledgers import NOW

PLAIN = NOW.replace(tzinfo=None)


@pytest.fixture
def log(database: Database) -> EditLog:
    return EditLog(database)


def row(edit: Edit) -> NewEdit:
    if isinstance(edit, LinkEdit):
        return NewEdit(edit.link, pair(edit.source, edit.target), edit.kind, written(edit))
    return NewEdit(edit.type, edit.key, edit.kind, written(edit))


def act(log: EditLog, *edits: Edit, reverts: Sequence[int] = (), becomes: Mapping[int, Status] | None = None, hours: int = 0) -> int:
    """Apply as one; the action's number."""
    batch = Batch(
        "act", "ada", NOW + timedelta(hours=hours), edits=[row(each) for each in edits], reverts_actions=reverts, becomes=becomes or {}
    )
    return log.append(batch).action_no


def out_of_force(history: Sequence[Applied]) -> set[str]:
    """The actions that somebody in force took back."""
    dead: set[str] = set()
    for applied in reversed(history):
        if applied.id not in dead:
            dead |= applied.reverts
    return dead


def said(edits: Sequence[Edit]) -> list[str]:
    """Edits as texts, whatever their order."""
    return sorted(json.dumps(written(each), sort_keys=True) for each in edits)


def modify(key: str, *, kind: str = "bike", **values: int) -> ObjectEdit:
    return ObjectEdit("modify", kind, key, values, dict.fromkeys(values, 0))


def test_an_empty_ledger_has_an_empty_history(database: Database) -> None:
    assert (moment(database), whole_history(database, Moment()), last_words(database, Moment())) == (Moment(0, 0), [], {})
    assert history_of(database, [("bike", "a")]) == []


def test_a_history_tells_what_was_applied_as_one_with_its_time_in_utc(log: EditLog, database: Database) -> None:
    act(log, modify("a", p=1), modify("b", p=2))
    act(log, modify("a", q=3), hours=1)
    assert whole_history(database, moment(database)) == [
        Applied("1", (modify("a", p=1), modify("b", p=2)), 1, PLAIN),
        Applied("2", (modify("a", q=3),), 3, PLAIN + timedelta(hours=1)),
    ]


def test_what_comes_after_a_moment_is_not_in_its_history(log: EditLog, database: Database) -> None:
    act(log, modify("a", p=1))
    then = moment(database)
    words = last_words(database, then)
    act(log, modify("a", p=2))
    act(log, reverts=[1])
    assert [applied.id for applied in whole_history(database, then)] == ["1"]
    assert last_words(database, then) == words == {"bike": (1, 0)}


def test_a_reversal_that_wrote_nothing_stands_where_it_happened(log: EditLog, database: Database) -> None:
    act(log, modify("a", p=1))
    act(log, ObjectEdit("delete", "bike", "a", {}, {"p": 1}, 1))
    act(log, reverts=[1], hours=2)
    act(log, ObjectEdit("create", "bike", "a", {"p": 0}, {}, 2), reverts=[2])
    for found in (whole_history(database, moment(database)), history_of(database, [("bike", "a")])):
        assert [(each.id, len(each.edits), each.edit_no, each.reverts) for each in found] == [
            ("1", 1, 1, frozenset()),
            ("2", 1, 2, frozenset()),
            ("3", 0, 2, frozenset({"1"})),
            ("4", 1, 3, frozenset({"2"})),
        ]
        assert found[2].at == PLAIN + timedelta(hours=2)
        assert standing(found) == []


def test_each_type_has_its_own_last_word_reversals_included(log: EditLog, database: Database) -> None:
    act(log, modify("a", p=1))
    act(log, modify("x", kind="lock", p=1))
    assert last_words(database, moment(database)) == {"bike": (1, 0), "lock": (2, 0)}
    act(log, reverts=[1])
    act(log, reverts=[3])
    assert last_words(database, moment(database)) == {"bike": (1, 4), "lock": (2, 0)}


def test_the_history_of_an_object_holds_what_hangs_together_with_it_and_nothing_else(log: EditLog, database: Database) -> None:
    act(log, ObjectEdit("create", "bike", "n", {"p": 1}), modify("with", p=1))
    act(log, LinkEdit("link", "bike__locks", "n", "x", ("bike", "lock")))
    act(log, modify("elsewhere", p=1))
    act(log, modify("with", p=2))
    act(log, reverts=[4])
    ids = [applied.id for applied in history_of(database, [("bike", "n")])]
    assert ids == ["1", "2", "4", "5"]
    assert [applied.id for applied in history_of(database, [("bike", "elsewhere")])] == ["3"]


def test_what_was_taken_back_and_is_in_force_again_says_so_in_the_log_and_the_chain(log: EditLog, database: Database) -> None:
    act(log, modify("a", p=1))
    act(log, reverts=[1])
    log.append(Batch("act", "ada", NOW, reverts_actions=[2], becomes={1: "applied"}))
    assert [each.status for each in log.actions()] == ["applied", "reverted", "applied"]
    act(log, reverts=[1])
    assert [each.status for each in log.actions()] == ["reverted", "reverted", "applied", "applied"]
    assert Ledger(database).verify_chain() == []


def test_a_reversal_that_nobody_made_is_found_out(log: EditLog, database: Database) -> None:
    act(log, modify("a", p=1))
    act(log, modify("a", p=2))
    with database.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO reversals VALUES (2, 1, 2)")
    assert "action 2 takes back action 1, and the audit chain does not say so" in map(str, Ledger(database).verify_chain())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
@example(seed=403)  # a reversal is taken back, and what it took back is taken back again
def test_a_history_comes_back_as_it_was_written_and_in_part_it_decides_as_the_whole(seed: int, log: EditLog, database: Database) -> None:
    dice = random.Random(seed)
    with database.engine.begin() as connection:
        for table in ("reversals", "edits", "action_log"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    base, history = random_base(dice), list[Applied]()
    for number in range(1, 9):
        reversal = revert(history, dice.choice(history).id, with_dependents=True) if history and dice.random() < 0.3 else None
        if reversal is not None and isinstance(reversal.decision, Allowed):
            after = log.head()
            now = Applied(str(number), (), 0, PLAIN, reversal.reverts)
            changed = (out_of_force(history) ^ out_of_force([*history, now])) - reversal.reverts
            becomes: dict[int, Status] = {int(each): "applied" if each in out_of_force(history) else "reverted" for each in changed}
            act(log, *reversal.edits, reverts=sorted(map(int, reversal.reverts)), becomes=becomes)
            history.append(Applied(str(number), reversal.edits, after + 1 if reversal.edits else after, PLAIN, reversal.reverts))
        else:
            made = random_action(dice, history, base, number)
            first = log.head() + 1
            act(log, *made.edits)
            history.append(Applied(str(number), made.edits, first, PLAIN))
    assert whole_history(database, moment(database)) == [each for each in history if each.edits or each.reverts]
    for applied in history:
        for edit in applied.edits:
            subject = (row(edit).object_type, row(edit).object_key)
            part = history_of(database, [subject])
            whole = revert(history, applied.id, with_dependents=True)
            told = revert(part, applied.id, with_dependents=True)
            assert (told.decision == Allowed(), told.reverts, said(told.edits)) == (
                whole.decision == Allowed(), whole.reverts, said(whole.edits),
            )  # fmt: skip
