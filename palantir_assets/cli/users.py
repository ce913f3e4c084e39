"""`palantir user`, `palantir client`, `palantir token`, and the first start: identities, from the machine the ledger lies on.

Who can read the state folder is the operator: no sign-in is asked. What is decided about identities stands in `identity`.
"""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from palantir_assets.cli import console
from palantir_assets.errors import IdentityError
from palantir_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from palantir_assets.identity.accounts import Grant
    from palantir_assets.identity.flows import Flows
    from palantir_assets.stores.identities import StoredIdentities

user = typer.Typer(help="People: add, list, grant, revoke, disable.", no_args_is_help=True)
client = typer.Typer(help="Programs that sign people in, or act as services.", no_args_is_help=True)
token = typer.Typer(help="Personal access tokens, and the keys that sign.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The user's name.")]
Subject = Annotated[str, typer.Argument(help="A user's name, client:ID or group:NAME.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role of access.yaml; may be said more than once.")]
Markings = Annotated[list[str] | None, typer.Option("--marking", help="A marking of access.yaml.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="A group; what the group was given holds for its members.")]
Attributes = Annotated[list[str] | None, typer.Option("--attribute", help='For row policies: region=west, or cities=["Seoul","Busan"].')]


@dataclass(frozen=True, slots=True)
class Office:
    """What the commands work on."""

    flows: Flows
    identities: StoredIdentities
    url: str
    at: datetime
    actor: str


@user.command("add")
def add(
    name: Name,
    email: Annotated[str | None, typer.Option("--email", help="Where a mail reaches the user.")] = None,
    role: Roles = None,
) -> None:
    """Add a user, and print a one-time code to sign in with."""
    from palantir_assets.identity.accounts import Grant

    with office() as at_work:
        given = [Grant(name, "role", each) for each in role or ()]
        at_work.identities.add_user(name, email=email, grants=given, actor=at_work.actor, at=at_work.at)
        _tell_code(at_work, name)


@user.command("list")
def list_users(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False) -> None:
    """Every user, with what each was given."""
    with office() as at_work:
        rows = [
            (each.name, each.display, "disabled" if each.disabled_at else "", ", ".join(_told(at_work.identities.grants(each.name))))
            for each in at_work.identities.users()
        ]
    if as_json:
        console.answer_json([dict(zip(("name", "display", "state", "grants"), row, strict=True)) for row in rows])
    else:
        console.answer_table(("name", "display", "state", "grants"), list(rows))


@user.command("grant")
def grant(subject: Subject, role: Roles = None, marking: Markings = None, group: Groups = None, attribute: Attributes = None) -> None:
    """Give roles, markings, groups or attributes. It holds from the next request on."""
    with office() as at_work:
        for each in _grants(subject, role, marking, group, attribute):
            at_work.identities.grant(each, actor=at_work.actor, at=at_work.at)
            console.answer(f"{subject} has the {each.kind} {each.name}")


@user.command("revoke")
def revoke(subject: Subject, role: Roles = None, marking: Markings = None, group: Groups = None, attribute: Attributes = None) -> None:
    """Take roles, markings, groups or attributes back. It holds from the next request on."""
    with office() as at_work:
        for each in _grants(subject, role, marking, group, [f"{name.partition('=')[0]}=0" for name in attribute or ()]):
            at_work.identities.revoke(each, actor=at_work.actor, at=at_work.at)
            console.answer(f"{subject} no longer has the {each.kind} {each.name}")


@user.command("disable")
def disable(name: Name) -> None:
    """Sign a user out everywhere, for good."""
    with office() as at_work:
        at_work.identities.disable(name, actor=at_work.actor, at=at_work.at)
    console.answer(f"{name} is disabled")


@user.command("code")
def code(name: Name) -> None:
    """Print a one-time code for a user who forgot the password."""
    with office() as at_work:
        _tell_code(at_work, name)


@client.command("add")
def add_client(
    client_id: Annotated[str, typer.Argument(help="What the client is called in requests.")],
    redirect_uri: Annotated[list[str] | None, typer.Option("--redirect-uri", help="Where codes for people may be sent.")] = None,
    service: Annotated[bool, typer.Option("--service", help="It signs in by itself: print a secret for it.")] = False,
    role: Roles = None,
) -> None:
    """Register a program: one that signs people in (--redirect-uri), or a service (--service)."""
    from palantir_assets.identity import opaque
    from palantir_assets.identity.accounts import SERVICE, Client, Grant

    uris = tuple(_redirect(uri) for uri in redirect_uri or ())
    if not uris and not service:
        raise IdentityError("a client needs a --redirect-uri, or is a --service", next_step="say which of the two it is")
    secret = opaque.new_secret("", os.urandom) if service else None
    with office() as at_work:
        made = Client(client_id, client_id, at_work.at, uris, opaque.digest(secret) if secret else None)
        given = [Grant(SERVICE + client_id, "role", each) for each in role or ()]
        at_work.identities.add_client(made, grants=given, actor=at_work.actor, at=at_work.at)
    console.say(f"the client {client_id} is registered" + ("; its secret is shown this once:" if secret else ""))
    if secret:
        console.answer(secret)


@token.command("create")
def create(
    name: Name,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="read, write or account; read if nothing is said.")] = None,
    expires: Annotated[str, typer.Option("--expires", help="After how long: 12h, 30d.")] = "30d",
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "made on the command line",
) -> None:
    """Make a personal access token, and print it this once."""
    life = _life(expires)
    with office() as at_work:
        if at_work.identities.principal(name) is None:
            raise IdentityError(f"there is no user {name!r} who is not disabled")
        scopes = frozenset(scope or ("read",))
        made, secret = at_work.flows.personal(name, scopes=scopes, label=label, life=life, actor=at_work.actor)
    console.say(f"a token of {name} for {made.scopes}, until {made.expires_at:%Y-%m-%d %H:%M} UTC; it is shown this once:")
    console.answer(secret)


@token.command("access")
def access(url: Annotated[str | None, typer.Option("--url", help="The API, if not this machine's.")] = None) -> None:
    """Print a fresh access token of who ran `palantir login` here."""
    from palantir_assets.cli.login import access as command

    command(url or load_settings().public_url)


@token.command("rotate-keys")
def rotate_keys() -> None:
    """Sign with a new key from now on; tokens signed with the old one are taken until they end."""
    from palantir_assets.stores.signing_keys import rotate

    with office() as at_work:
        keys = rotate(load_settings().keys, at_work.at)
        at_work.identities.keys_rotated(keys.current.id, actor=at_work.actor, at=at_work.at)
    console.answer(f"access tokens are signed with {keys.current.id} from now on")


def welcome(settings: Settings) -> None:
    """At the first start: an administrator, and a one-time code to become it, printed once and for nobody's log."""
    from palantir_assets.identity.accounts import Grant

    with office(settings) as at_work:
        if at_work.identities.users():
            return
        given = [Grant("admin", "role", "admin")]
        at_work.identities.add_user("admin", display="Administrator", grants=given, actor="first start", at=at_work.at)
        secret = at_work.flows.one_time("login", "admin", actor="first start")
    console.say(f"the user admin was made; become it within an hour at {settings.public_url}/sign-in/code with this one-time code:")
    console.say(f"  {secret}")


@contextmanager
def office(settings: Settings | None = None) -> Iterator[Office]:
    """The ledger, opened for one command."""
    from palantir_assets.stores.database import open_database
    from palantir_assets.stores.identity_opening import open_flows

    settings = settings or load_settings()
    database = open_database(settings.ledger_url, settings.audit_key)
    try:
        opened = open_flows(settings, database, _now)
        try:
            yield Office(opened.flows, opened.identities, settings.public_url, _now(), f"cli:{_operator()}")
        finally:
            opened.close()
    finally:
        database.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _tell_code(at_work: Office, name: str) -> None:
    if at_work.identities.principal(name) is None:
        raise IdentityError(f"there is no user {name!r} who is not disabled")
    secret = at_work.flows.one_time("login", name, actor=at_work.actor)
    console.say(f"within an hour, {name} sets a password at {at_work.url}/sign-in/code with this one-time code:")
    console.answer(secret)


def _grants(
    subject: str, roles: list[str] | None, markings: list[str] | None, groups: list[str] | None, attributes: list[str] | None
) -> Sequence[Grant]:
    from palantir_assets.identity.accounts import Grant

    pairs = [text.partition("=") for text in attributes or ()]
    found = [
        *(Grant(subject, "role", name) for name in roles or ()),
        *(Grant(subject, "marking", name) for name in markings or ()),
        *(Grant(subject, "group", name) for name in groups or ()),
        *(Grant(subject, "attribute", name, _json(value)) for name, _, value in pairs),
    ]
    if not found:
        raise IdentityError("nothing was named", next_step="say --role, --marking, --group or --attribute")
    return found


def _json(value: str) -> str:
    """A value as JSON: as it stands where it is JSON already, else as a text."""
    try:
        json.loads(value)
    except ValueError:
        return json.dumps(value, ensure_ascii=False) if value else ""
    return value


def _life(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,4})([hd])", text)
    if not found:
        raise IdentityError(f"{text!r} is no time", next_step="write such as --expires 12h or --expires 30d")
    return timedelta(**{"hours" if found[2] == "h" else "days": int(found[1])})


def _redirect(uri: str) -> str:
    if not re.match(r"https://[^\s#]+$|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/[^\s#]*$", uri):
        raise IdentityError(f"{uri[:100]!r} is no address for codes", next_step="use https, or http on loopback, without a fragment")
    return uri


def _told(grants: Sequence[Grant]) -> list[str]:
    return [f"{each.kind} {each.name}" for each in grants]


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
