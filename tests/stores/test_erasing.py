"""Personal values are nowhere in plain text, come back to who may read them, and are gone for good with their key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from palantir_assets.actions.edits import ObjectEdit, as_json, from_json
from palantir_assets.errors import EditRefused, Erased, LedgerError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edit_rows import Batch, Idempotency, NewEdit, NewEffect, Reply
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.erasing import erase, foreseen
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.migrations.schema import Base
from palantir_assets.stores.migrations.schema_edits import EditRow
from palantir_assets.stores.migrations.schema_keys import ObjectKeyRow
from palantir_assets.stores.moving import move
from palantir_assets.stores.object_keys import master_file
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.personal import personal_in
from tests.stores.ledgers import NOW, batch, edit

SECRET, OTHER = "Marie Skłodowska", "Ada Lovelace"
HERE = ("customer", "7")
CUSTOMER = {
    "name": "customer",
    "label": {"en": "Customer"},
    "key": "id",
    "title": "{id}",
    "properties": {"id": {"type": "string"}, "name": {"type": "string", "personal": True}},
}


def personal(object_type: str) -> frozenset[str]:
    return frozenset({"name"}) if object_type == "customer" else frozenset()


@pytest.fixture
def log(database: Database) -> EditLog:
    return EditLog(database, personal=personal)


def renamed(name: str, key: str = "7", previous: str | None = OTHER, number: int = 3) -> NewEdit:
    said = ObjectEdit("modify", "customer", key, {"name": name, "city": "Rome"}, {"name": previous, "city": None}, number)
    return NewEdit("customer", key, "modify", as_json(said))


def told(edits: int = 1) -> Batch:
    """A renaming that tells of the name wherever an action can."""
    return Batch(
        "rename",
        "ada",
        NOW,
        {"to": SECRET},
        [renamed(SECRET)] * edits,
        [NewEffect("mail", f"{SECRET}@example.org", {"text": f"Dear {SECRET}"}), NewEffect("webhook", "till", {"changes": [SECRET]})],
        idempotency=Idempotency("ada", "key", "body", lambda done: Reply(f"{done.first_edit}: {SECRET} \xff".encode(), 200)),
    )


def everything(database: Database) -> str:
    """Every row of every table, as text and with bytes as they are."""
    found = []
    for table in Base.metadata.sorted_tables:
        found += [repr(tuple(row)) for row in database.rows(sa.select(table))]
        found += [bytes(value).decode("latin-1") for row in database.rows(sa.select(table)) for value in row if isinstance(value, bytes)]
    return "\n".join(found)


def whole(database: Database) -> bool:
    return Ledger(database).verify_chain() == []


def test_personal_values_stand_nowhere_in_plain_text_and_come_back_as_they_were(log: EditLog, database: Database) -> None:
    done = log.append(told())
    held = everything(database)
    assert SECRET not in held and OTHER not in held and SECRET.encode().decode("latin-1") not in held
    assert "Rome" in held  # what is not personal is readable
    (record,) = log.since(0)
    assert from_json(record.values) == from_json(renamed(SECRET).values) and record.erased == ()
    assert log.history(*HERE) == log.of_action(1) == log.since(0)
    action = log.action(1)
    assert action is not None and action.parameters == {"to": SECRET} and not action.erased
    mail, webhook = Outbox(database).list()
    assert (mail.target, mail.payload) == (f"{SECRET}@example.org", {"text": f"Dear {SECRET}"})
    assert (webhook.target, webhook.payload) == ("till", {"changes": [SECRET]})
    assert Outbox(database).take_due(NOW)[0].payload == mail.payload
    assert log.replay("ada", "key", "body") == done.reply == log.append(told()).reply
    assert whole(database)


def test_what_is_erased_is_null_and_the_history_still_shows_that_it_was(log: EditLog, database: Database) -> None:
    log.append(told(2))
    expected = foreseen(database, *HERE, personal=personal)
    done = erase(database, *HERE, at=NOW, actor="cli:root", reason="request 12", personal=personal)
    assert (done.edit_no, done.edits, done.effects, done.plain_edits) == (3, 3, (1, 2), ())
    assert (expected.edit_no, expected.edits, expected.effects) == (0, 2, (1, 2))
    first, second, last = log.since(0)
    assert first.values["values"] == {"name": None, "city": "Rome"} and first.erased == second.erased == ("name",)
    assert first.values["previous"] == {"name": None, "city": None}
    assert from_json(last.values) == ObjectEdit("erase", *HERE, version=2) and last.kind == "erase"
    action = log.action(1)
    assert action is not None and action.parameters == {} and action.erased
    assert [(each.state, each.payload, each.erased) for each in Outbox(database).list()] == [("dropped", {}, True)] * 2
    assert Outbox(database).take_due(NOW) == []
    assert whole(database)
    (row,) = [entry for entry in Ledger(database).audit() if entry.subject == "erase"]
    assert (row.actor, row.action) == ("cli:root", "action.applied")


def test_the_answer_to_an_old_request_is_gone_too_and_is_not_made_again(log: EditLog, database: Database) -> None:
    log.append(told())
    erase(database, *HERE, at=NOW, actor="cli")
    with pytest.raises(Erased, match="customer '7' was erased"):
        log.replay("ada", "key", "body")
    with pytest.raises(Erased):
        log.append(told())
    assert log.head() == 2


def test_nothing_is_written_about_an_erased_object_again(log: EditLog, database: Database) -> None:
    log.append(batch("1"))
    erase(database, "order", "1", at=NOW, actor="cli")  # also of a type without personal properties
    erase(database, *HERE, at=NOW, actor="cli")  # and one that nobody edited
    for refused in (batch("1"), Batch("rename", "ada", NOW, edits=[renamed("x")]), Batch("note", "ada", NOW, {"a": 1}, concerns=[HERE])):
        with pytest.raises(Erased):
            log.append(refused)
    with pytest.raises(Erased):
        erase(database, *HERE, at=NOW, actor="cli")
    with pytest.raises(Erased):
        foreseen(database, *HERE)
    assert log.append(batch("2")).action_no == 4 and whole(database)


def test_another_object_keeps_its_values(log: EditLog, database: Database) -> None:
    log.append(Batch("rename", "ada", NOW, {"to": SECRET}, [renamed(SECRET, "8")]))
    erase(database, *HERE, at=NOW, actor="cli")
    assert log.history("customer", "8")[0].values["values"] == {"name": SECRET, "city": "Rome"}
    assert log.action(1).parameters == {"to": SECRET}  # type: ignore[union-attr]


def test_what_tells_of_two_objects_is_gone_with_either_of_them(log: EditLog, database: Database) -> None:
    log.append(Batch("propose", "ada", NOW, {"a": SECRET}, status="proposed", concerns=[("customer", "8"), HERE, ("order", "1")]))
    assert log.action(1).parameters == {"a": SECRET} and SECRET not in everything(database)  # type: ignore[union-attr]
    erase(database, "customer", "8", at=NOW, actor="cli")
    assert log.action(1).erased  # type: ignore[union-attr]


def test_the_key_is_in_no_file_of_the_database_any_more(database: Database, log: EditLog) -> None:
    log.append(told())
    (row,) = database.select(sa.select(ObjectKeyRow))
    wrapped = bytes(row.wrapped or b"")
    files = database_files(database)
    before = sum(wrapped in file.read_bytes() for file in files)
    erase(database, *HERE, at=NOW, actor="cli")
    (row,) = database.select(sa.select(ObjectKeyRow))
    assert (row.wrapped, row.key_id, row.erased_at) == (None, None, NOW)
    if files:  # the files of a PostgreSQL are its own affair
        assert before and not any(wrapped in file.read_bytes() for file in database_files(database))


def test_a_key_that_a_killed_erasure_left_in_a_file_goes_with_the_next_try(database: Database, log: EditLog) -> None:
    log.append(told())
    wrapped = bytes(database.select(sa.select(ObjectKeyRow))[0].wrapped or b"")

    def fail(reached: str) -> None:
        if reached == "erase.after_commit":
            raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        erase(database, *HERE, at=NOW, actor="cli", reach=fail)
    assert log.since(0)[0].erased == ("name",) and whole(database)
    with pytest.raises(Erased):
        erase(database, *HERE, at=NOW, actor="cli")
    assert not any(wrapped in file.read_bytes() for file in database_files(database))


def database_files(database: Database) -> list[Path]:
    name = database.engine.url.database or ""
    return sorted(Path(name).parent.glob("ledger.db*")) if database.engine.dialect.name == "sqlite" else []


def test_the_master_key_lies_beside_that_of_the_audit_chain_and_is_asked_for(
    log: EditLog, database: Database, ledger_url: str, key_file: Path
) -> None:
    file = master_file(key_file)
    log.append(batch("1"))
    assert not file.exists()  # nobody needed it yet
    log.append(told())
    assert file.stat().st_mode & 0o077 == 0
    kept = file.read_bytes()
    file.unlink()
    with pytest.raises(LedgerError, match="missing"):
        log.since(0)
    with pytest.raises(LedgerError, match="missing"):
        log.append(Batch("rename", "ada", NOW, edits=[renamed("x", "9")]))  # another object's: no second master key is made
    file.write_bytes(os.urandom(32).hex().encode())
    file.chmod(0o600)
    with pytest.raises(LedgerError, match="wrapped with"):
        log.since(0)
    file.write_bytes(kept)
    assert len(log.since(0)) == 2


@pytest.mark.parametrize("where", ["another place", "another object"])
def test_a_sealed_value_cannot_be_read_elsewhere(log: EditLog, database: Database, where: str) -> None:
    log.append(Batch("rename", "ada", NOW, edits=[renamed(SECRET), renamed(OTHER), renamed(OTHER, "8")]))
    taken = {"another place": 1, "another object": 3}[where]
    values = database.select(sa.select(EditRow.values).where(EditRow.edit_no == taken))[0]
    database.write(lambda session: session.execute(sa.update(EditRow).where(EditRow.edit_no == 2).values(values=values)))
    with pytest.raises(LedgerError, match="changed after it was written"):
        log.since(1, limit=1)
    assert not whole(database)


def test_a_value_that_looks_sealed_is_refused(log: EditLog) -> None:
    fake = {"$sealed": "x"}
    said = as_json(ObjectEdit("modify", "customer", "7", {"city": fake}, {"city": None}))
    for refused in (Batch("a", "ada", NOW, fake), Batch("a", "ada", NOW, edits=[NewEdit("customer", "7", "modify", said)])):
        with pytest.raises(EditRefused, match="own word"):
            log.append(refused)


def test_an_edit_of_unknown_shape_is_refused_where_values_are_personal(log: EditLog) -> None:
    with pytest.raises(EditRefused, match="no edit as JSON"):
        log.append(Batch("a", "ada", NOW, edits=[edit("7", {"name": SECRET}, object_type="customer")]))
    assert log.head() == 0


def test_what_was_written_before_it_was_said_to_be_personal_is_told(database: Database) -> None:
    EditLog(database).append(Batch("rename", "ada", NOW, edits=[renamed(SECRET)]))
    EditLog(database, personal=personal).append(Batch("rename", "ada", NOW, edits=[renamed(SECRET)]))
    assert erase(database, *HERE, at=NOW, actor="cli", personal=personal).plain_edits == (1,)


@pytest.mark.parametrize("point", ["action.before_rows", "action.before_audit", "action.before_commit"])
def test_an_erasure_that_is_cut_short_did_nothing(log: EditLog, database: Database, point: str) -> None:
    log.append(told())

    def fail(reached: str) -> None:
        if reached == point:
            raise OSError("the power went")

    with pytest.raises(LedgerError, match="the power went"):
        erase(database, *HERE, at=NOW, actor="cli", reach=fail)
    assert log.head() == 1 and log.since(0)[0].erased == () and whole(database)
    assert erase(database, *HERE, at=NOW, actor="cli").edit_no == 2 and whole(database)


def test_a_ledger_that_moves_takes_its_keys_along(log: EditLog, database: Database, tmp_path: Path, key_file: Path) -> None:
    log.append(told())
    erase(database, "customer", "9", at=NOW, actor="cli")
    to = f"sqlite:///{tmp_path / 'moved' / 'ledger.db'}"
    assert move(database, to, at=NOW, actor="cli").rows["object_keys"] == 2
    moved = open_database(to, key_file)
    try:
        assert EditLog(moved).since(0)[0].values["values"]["name"] == SECRET  # type: ignore[index]
        done = erase(moved, *HERE, at=NOW, actor="cli")
        assert done.moved and EditLog(moved).since(0)[0].erased == ("name",) and whole(moved)
    finally:
        moved.close()


def test_what_is_personal_is_told_by_the_ontology() -> None:
    told_by = personal_in(ServedOntology.model_validate({"types": {"customer": CUSTOMER}}))
    assert (told_by("customer"), told_by("customer__orders"), told_by("order")) == ({"name"}, frozenset(), frozenset())


def test_a_batch_of_many_objects_makes_a_key_for_each(log: EditLog, database: Database) -> None:
    log.append(Batch("rename", "ada", NOW, edits=[renamed(SECRET, str(number)) for number in range(900)]))
    assert len(database.select(sa.select(ObjectKeyRow))) == 900
    erase(database, "customer", "450", at=NOW, actor="cli")
    assert [record.object_key for record in log.since(0, limit=900) if record.erased] == ["450"]
