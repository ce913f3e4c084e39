"""Identities in the ledger: every change grows the role version and leaves one audit row; secrets are used once."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from palantir_assets.errors import IdentityError
from palantir_assets.identity import keys as signing
from palantir_assets.identity import opaque
from palantir_assets.identity.accounts import COMMAND_LINE, Client, Grant, check_email, check_name, principal_of
from palantir_assets.identity.flows import FlowRefused
from palantir_assets.stores import signing_keys
from palantir_assets.stores.database import open_database
from palantir_assets.stores.identities import open_identities
from palantir_assets.stores.migrations.schema import AuditRow, Base
from tests.fakes.identity import NOON, PASSWORD, World, world
from tests.postgres import Server, binaries, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server | None]:
    """A PostgreSQL of these tests' own; None where the machine has none."""
    found = binaries()
    if found is None:
        yield None
        return
    with running(found) as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def kims(request: pytest.FixtureRequest, tmp_path: Path, server: Server | None) -> Iterator[World]:
    """The same tests on both."""
    if request.param == "postgresql" and server is None:
        pytest.skip("no PostgreSQL on this machine")
    made = world(tmp_path, url=server.new_database() if request.param == "postgresql" and server else None)
    yield made
    made.close()


def audited(world: World) -> list[str]:
    return [row.action for row in world.database.select(sa.select(AuditRow).order_by(AuditRow.seq))]


def test_every_change_grows_the_version_and_leaves_one_audit_row(kims: World) -> None:
    people, at = kims.identities, NOON
    changes = [
        lambda: people.add_user("lee", actor="test", at=at),
        lambda: people.add_client(Client("etl", "ETL", at), actor="test", at=at),
        lambda: people.grant(Grant("kim", "marking", "crew_personal"), actor="test", at=at),
        lambda: people.grant(Grant("client:etl", "role", "viewer"), actor="test", at=at),
        lambda: people.grant(Grant("group:night", "role", "operations"), actor="test", at=at),
        lambda: people.revoke(Grant("kim", "marking", "crew_personal"), actor="test", at=at),
        lambda: people.set_password("kim", "$argon2id$", actor="test", at=at),
        lambda: people.verify_email("kim", "kim@example.org", actor="kim", at=at),
        lambda: people.sign_in_from("https://idp", "1", display="Jo", roles=["viewer"], at=at),
        lambda: people.disable("lee", actor="test", at=at),
    ]
    for change in changes:
        version, rows = people.version(), len(audited(kims))
        change()
        assert people.version() == version + 1
        assert len(audited(kims)) == rows + 1


def test_a_principal_has_what_its_groups_have(kims: World) -> None:
    for grant in (
        Grant("kim", "group", "night"),
        Grant("group:night", "role", "operations"),
        Grant("group:night", "marking", "crew_personal"),
        Grant("group:night", "attribute", "carriers", '["UA"]'),
        Grant("group:other", "role", "admin"),
    ):
        kims.identities.grant(grant, actor="test", at=NOON)
    found = kims.identities.principal("kim")
    assert found is not None
    assert (found.id, found.roles, found.markings) == ("kim", {"viewer", "operations"}, {"crew_personal"})
    assert found.attributes == {"carriers": ("UA",)}


def test_groups_that_disagree_give_no_attribute() -> None:
    grants = [
        Grant("group:a", "attribute", "region", '"west"'),
        Grant("group:b", "attribute", "region", '"east"'),
        Grant("group:a", "attribute", "sites", '["A"]'),
        Grant("group:b", "attribute", "sites", '["B"]'),
        Grant("group:a", "attribute", "level", "1"),
        Grant("kim", "attribute", "level", "3"),
    ]
    assert dict(principal_of("kim", grants).attributes) == {"sites": ("A", "B"), "level": 3}


def test_the_disabled_and_the_unknown_are_nobody(kims: World) -> None:
    kims.identities.disable("kim", actor="test", at=NOON)
    assert kims.identities.principal("kim") is None
    assert kims.identities.principal("nobody") is None
    assert kims.identities.principal("client:nobody") is None
    assert kims.flows.password("kim", PASSWORD) is None


def test_claims_replace_earlier_claims_and_leave_grants_alone(kims: World) -> None:
    name = kims.identities.sign_in_from("https://idp", "1", display="Jo", roles=["viewer", "operations"], at=NOON)
    kims.identities.grant(Grant(name, "role", "safety"), actor="test", at=NOON)
    assert kims.identities.sign_in_from("https://idp", "1", display="Jo", roles=["viewer"], at=NOON) == name
    assert kims.identities.principal(name).roles == {"viewer", "safety"}  # type: ignore[union-attr]
    version = kims.identities.version()
    kims.identities.sign_in_from("https://idp", "1", display="Jo", roles=["viewer"], at=NOON)
    assert kims.identities.version() == version
    assert kims.identities.sign_in_from("https://idp", "2", display="Jo", roles=None, at=NOON) != name
    kims.identities.disable(name, actor="test", at=NOON)
    with pytest.raises(IdentityError, match="disabled"):
        kims.identities.sign_in_from("https://idp", "1", display="Jo", roles=["viewer"], at=NOON)


@pytest.mark.parametrize(
    "grant",
    [
        Grant("nobody", "role", "viewer"),
        Grant("client:nobody", "role", "viewer"),
        Grant("kim", "role", "Viewer; --"),
        Grant("kim", "attribute", "region", ""),
        Grant("kim", "attribute", "region", "west"),
        Grant("kim", "attribute", "region", '{"a": 1}'),
        Grant("kim", "role", "viewer", '"x"'),
        Grant("group:night", "group", "day"),
    ],
)
def test_what_cannot_be_granted_changes_nothing(kims: World, grant: Grant) -> None:
    version = kims.identities.version()
    with pytest.raises(IdentityError):
        kims.identities.grant(grant, actor="test", at=NOON)
    assert kims.identities.version() == version


@pytest.mark.parametrize("name", ["", "Kim", "a b", "client:x", "x" * 64, "kim\n", "../x", "ki:m"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(IdentityError):
        check_name(name)


@pytest.mark.parametrize("address", ["kim", "kim@", "@x", "kim@x\nBcc: y@z", "a b@x", "kim@x,lee@y"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(IdentityError):
        check_email(address)


def test_a_users_name_and_address_are_given_once(kims: World) -> None:
    with pytest.raises(IdentityError, match="kim already"):
        kims.identities.add_user("kim", actor="test", at=NOON)
    kims.identities.add_user("lee", email="Lee@example.org", actor="test", at=NOON)
    with pytest.raises(IdentityError, match="mail address"):
        kims.identities.add_user("jo", email="lee@example.org", actor="test", at=NOON)
    assert kims.identities.user_by_email("lee@example.org") is None  # not verified yet


def test_a_password_is_right_for_its_user_only(kims: World) -> None:
    assert kims.flows.password("kim", PASSWORD) == "kim"
    assert kims.flows.password("kim", PASSWORD + "x") is None
    assert kims.flows.password("nobody", PASSWORD) is None


def refresh_of(kims: World) -> tuple[str, str]:
    session = kims.credentials.find(opaque.digest(kims.flows.session("kim")), "session")
    assert session is not None
    device, user_code = kims.flows.device(COMMAND_LINE, frozenset({"read"}))
    with pytest.raises(FlowRefused, match="nobody has typed"):
        kims.flows.polled(device, client_id=COMMAND_LINE)
    assert kims.flows.approve(user_code.lower().replace("-", " "), session)
    assert not kims.flows.approve(user_code, session)
    issued = kims.flows.polled(device, client_id=COMMAND_LINE)
    assert issued.refresh_token
    return issued.access_token, issued.refresh_token


def test_a_refresh_token_turns_at_each_use_and_a_second_use_ends_the_family(kims: World) -> None:
    _, first = refresh_of(kims)
    second = kims.flows.refresh(first, client_id=COMMAND_LINE)
    third = kims.flows.refresh(second.refresh_token or "", client_id=COMMAND_LINE)
    with pytest.raises(FlowRefused):
        kims.flows.refresh(first, client_id=COMMAND_LINE)
    with pytest.raises(FlowRefused):
        kims.flows.refresh(third.refresh_token or "", client_id=COMMAND_LINE)
    assert "identity.refresh.reused" in audited(kims)


def test_of_two_uses_at_once_one_wins_or_none(kims: World) -> None:
    _, first = refresh_of(kims)
    won: list[str] = []

    def use() -> None:
        with contextlib.suppress(FlowRefused):
            won.append(kims.flows.refresh(first, client_id=COMMAND_LINE).access_token)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_refresh_token_ends_with_its_time_its_user_and_its_client(kims: World) -> None:
    _, first = refresh_of(kims)
    with pytest.raises(FlowRefused):
        kims.flows.refresh(first, client_id="another")
    kims.clock.move(days=7)
    with pytest.raises(FlowRefused):
        kims.flows.refresh(first, client_id=COMMAND_LINE)
    _, second = refresh_of(kims)
    kims.identities.disable("kim", actor="test", at=kims.clock())
    with pytest.raises(FlowRefused):
        kims.flows.refresh(second, client_id=COMMAND_LINE)


def test_a_service_has_tokens_for_its_secret_only(kims: World) -> None:
    client = Client("etl", "ETL", NOON, secret_hash=opaque.digest("its secret"))
    kims.identities.add_client(client, grants=[Grant("client:etl", "role", "viewer")], actor="test", at=NOON)
    kims.identities.add_client(Client("web", "Web", NOON), actor="test", at=NOON)
    assert kims.tokens.verify(kims.flows.service("etl", "its secret", frozenset({"read"})).access_token).subject == "client:etl"
    for client_id, secret in (("etl", "wrong"), ("nobody", "its secret"), ("web", ""), ("nobody", ""), ("etl", "")):
        with pytest.raises(FlowRefused):
            kims.flows.service(client_id, secret, frozenset({"read"}))


def test_personal_tokens_are_bounded_and_audited_without_their_secret(kims: World) -> None:
    made, secret = kims.flows.personal("kim", scopes=frozenset({"read"}), label="notebook", life=timedelta(days=7), actor="kim")
    assert made.expires_at == NOON + timedelta(days=7) and secret.startswith("pat_")
    with pytest.raises(IdentityError):
        kims.flows.personal("kim", scopes=frozenset({"read"}), label="", life=timedelta(days=400), actor="kim")
    with pytest.raises(IdentityError):
        kims.flows.personal("kim", scopes=frozenset({"everything"}), label="", life=timedelta(days=1), actor="kim")
    told = json.dumps([row.detail for row in kims.database.select(sa.select(AuditRow))])
    assert "pat" in told and secret not in told and opaque.digest(secret) not in told


def test_no_secret_stands_in_any_table(kims: World) -> None:
    access, refresh = refresh_of(kims)
    secrets = [access, refresh, PASSWORD, kims.flows.session("kim"), kims.flows.one_time("login", "kim", actor="operator")]
    secrets += [kims.flows.personal("kim", scopes=frozenset({"read"}), label="", life=timedelta(days=7), actor="kim")[1]]
    with kims.database.engine.connect() as connection:
        tables = Base.metadata.sorted_tables
        everything = "".join(str(tuple(row)) for table in tables for row in connection.execute(sa.select(table)))
    assert len(everything) > 1000
    assert [secret for secret in secrets if secret in everything] == []


def test_the_version_is_seen_from_another_process(kims: World, tmp_path: Path) -> None:
    other = open_identities(open_database(kims.database.engine.url.render_as_string(hide_password=False), tmp_path / "keys" / "audit.key"))
    before = kims.identities.version()
    other.grant(Grant("kim", "role", "operations"), actor="test", at=NOON)
    assert kims.identities.version() == before + 1
    other.watch.close()
    other.database.close()


def test_signing_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = signing_keys.load_or_make(folder, NOON)
    assert (folder / signing_keys.FILE).stat().st_mode & 0o077 == 0
    assert signing_keys.load_or_make(folder, NOON).current.id == keys.current.id
    rotated = signing_keys.rotate(folder, NOON)
    assert rotated.current.id != keys.current.id and signing_keys.load(folder).verifying(keys.current.id, NOON)
    assert signing_keys.load(folder).verifying(keys.current.id, NOON + signing.KEPT) is None
    (folder / signing_keys.FILE).chmod(0o644)
    with pytest.raises(Exception, match="chmod 600"):
        signing_keys.load(folder)


def test_the_holders_of_a_role_are_users_who_have_it_themselves_or_through_a_group(kims: World) -> None:
    people, at = kims.identities, NOON
    people.add_user("lee", grants=[Grant("lee", "role", "night_watch")], actor="test", at=at)
    people.add_user("pak", grants=[Grant("pak", "group", "night")], actor="test", at=at)
    people.add_user("yun", grants=[Grant("yun", "role", "night_watch")], actor="test", at=at)
    people.grant(Grant("group:night", "role", "night_watch"), actor="test", at=at)
    people.disable("yun", actor="test", at=at)
    assert list(people.holders({"night_watch", "nobody"})) == ["lee", "pak"]
    assert list(people.holders(set())) == []
