"""The commands of `palantir`, their options and their help; what each does stands in the module it imports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palantir_assets.cli import console, outbox, quarantine, rules, users
from palantir_assets.errors import PalantirError
from palantir_assets.settings import Settings, load_settings

app = typer.Typer(
    name="palantir",
    help="Raw sources, tables, objects, graphs, vectors, models, evals and releases are assets; what is released is served.",
    epilog="Settings are environment variables: `palantir doctor` lists them. Start with `palantir up`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
release = typer.Typer(help="List, show and activate releases.", no_args_is_help=True)
ledger = typer.Typer(help="The ledger: is its history whole?", no_args_is_help=True)
audit = typer.Typer(help="The audit log: who saw what.", no_args_is_help=True)
specs = typer.Typer(help="The spec language.", no_args_is_help=True)
app.add_typer(release, name="release")
app.add_typer(ledger, name="ledger")
app.add_typer(audit, name="audit")
app.add_typer(specs, name="specs")
app.add_typer(outbox.outbox, name="outbox")
app.add_typer(quarantine.quarantine, name="quarantine")
app.add_typer(rules.rules, name="rules")
app.add_typer(users.user, name="user")
app.add_typer(users.client, name="client")
app.add_typer(users.token, name="token")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Select = Annotated[
    str | None,
    typer.Option(
        "--select",
        "-s",
        help="Only these, stale or not: an asset such as objects/order, or Dagster's selection language, such as group:raw.",
    ),
]


def run() -> int:
    """Run the command line; every error ends here, in words and an exit code."""
    try:
        app()
    except PalantirError as error:
        return console.explain(error)
    except Exception as error:  # the last line of defence: a traceback is for a file, not for a user
        return console.explain_unexpected(error, _logs())
    return 0


@app.command()
def up(
    dagster: Annotated[bool, typer.Option("--dagster/--no-dagster", help="Start the Dagster UI and daemon too.")] = True,
    once: Annotated[bool, typer.Option("--once", help="Stop when what was built is served, and print how long it took.")] = False,
    as_json: Json = False,
) -> None:
    """Build what is stale, publish it, and serve: API, Dagster UI and daemon. Ctrl-C stops all."""
    from palantir_assets.cli.up import command

    raise typer.Exit(command(load_settings(), dagster=dagster and not once, once=once, as_json=as_json))


@app.command()
def build(
    select: Select = None,
    as_json: Json = False,
    events_json: Annotated[bool, typer.Option("--events-json", hidden=True)] = False,
) -> None:
    """Build what is stale and publish a release."""
    from palantir_assets.cli.build import command

    raise typer.Exit(command(load_settings(), select=select, as_json=as_json, events_json=events_json))


@app.command()
def serve() -> None:
    """Serve the last release, and nothing else: no build, no Dagster."""
    from palantir_assets.cli.boot import make_layout
    from palantir_assets.serving.app import serve as serve_forever

    settings = load_settings()
    if not settings.state.is_dir():
        make_layout(settings)
    users.welcome(settings)
    serve_forever(settings)


@app.command()
def login(
    url: Annotated[str | None, typer.Option("--url", help="The API, if not this machine's.")] = None,
    scope: Annotated[str, typer.Option("--scope", help="What for: read, write, account; with spaces between them.")] = "read",
) -> None:
    """Sign in at a running API: it shows a code to type in a browser."""
    from palantir_assets.cli.login import command

    command(url or load_settings().public_url, scope)


@app.command()
def check(as_json: Json = False) -> None:
    """Check specs, dbt project and settings: every problem at once, with file and line. Builds nothing."""
    from palantir_assets.cli.checking import check as command

    raise typer.Exit(command(load_settings(), as_json=as_json))


@app.command()
def preview(
    target: Annotated[str, typer.Argument(help="A dbt model or an object type: 'marts.orders', 'object order'.", metavar="TARGET…")],
    name: Annotated[str | None, typer.Argument(hidden=True)] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many rows.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what one edited model or spec would give. Nothing is published."""
    from palantir_assets.cli.checking import preview as command

    raise typer.Exit(command(load_settings(), target if name is None else f"{target} {name}", limit=limit, as_json=as_json))


@app.command()
def status(as_json: Json = False) -> None:
    """What is served, how old it is, and what the last build did."""
    from palantir_assets.cli.status import command

    raise typer.Exit(command(load_settings(), as_json=as_json))


@app.command()
def explain(
    seen: Annotated[str, typer.Argument(help="An object: its type, a slash and its key.", metavar="TYPE/KEY")],
    who: Annotated[str, typer.Option("--as", help="A user, a client as service:ID, or a role.", metavar="WHO")],
    as_json: Json = False,
) -> None:
    """Why somebody sees an object and its properties, or does not."""
    from palantir_assets.cli.explaining import command

    raise typer.Exit(command(load_settings(), seen, who=who, as_json=as_json))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look at this machine and the state folder, and say what to mend."""
    from palantir_assets.cli.doctor import command

    raise typer.Exit(command(as_json=as_json))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="A new or empty folder.", metavar="DIR")]) -> None:
    """Write a small project that builds in seconds: two CSV files, two object types, one link, one eval."""
    from palantir_assets.cli.project import write

    console.answer(write(folder))


@app.command()
def erase(
    named: Annotated[str, typer.Argument(help="An object: its type, a slash and its key.", metavar="TYPE/KEY")],
    reason: Annotated[str, typer.Option("--reason", help="Why, such as the number of a request; it goes into the action log.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased and what must expire; do nothing.")] = False,
    expire: Annotated[bool, typer.Option("--expire", help="Remove the releases on disk that hold it and are not served.")] = False,
    as_json: Json = False,
) -> None:
    """Erase an object for good: its key, every read of it, and later builds. It cannot be taken back."""
    from palantir_assets.cli.erasing import command

    raise typer.Exit(command(load_settings(), named, reason=reason, dry_run=dry_run, expire=expire, as_json=as_json))


@release.command("list")
def release_list(as_json: Json = False) -> None:
    """Every release that was made current, newest first, with what changed."""
    from palantir_assets.cli.releases import show_all

    raise typer.Exit(show_all(load_settings(), as_json=as_json))


@release.command("show")
def release_show(
    release_id: Annotated[str, typer.Argument(help="Its number, its id, or the beginning of its id.")], as_json: Json = False
) -> None:
    """One release: its rows, files, versions and where it comes from."""
    from palantir_assets.cli.releases import show

    raise typer.Exit(show(load_settings(), release_id, as_json=as_json))


@release.command("activate")
def release_activate(
    release_id: Annotated[str, typer.Argument(help="Its number, its id, or the beginning of its id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the audit log.")] = "activated by hand",
) -> None:
    """Make an earlier release the one that is served."""
    from palantir_assets.cli.releases import activate

    raise typer.Exit(activate(load_settings(), release_id, reason=reason))


@ledger.command("verify")
def ledger_verify(as_json: Json = False) -> None:
    """Hold the audit chain against its key, its heads and the tables it tells of; every problem, first bad row first."""
    from palantir_assets.cli.history import verify

    raise typer.Exit(verify(load_settings(), as_json=as_json))


@ledger.command("migrate")
def ledger_migrate(
    to: Annotated[str, typer.Option("--to", help="SQLAlchemy URL of an empty database.", metavar="URL")],
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Copy and verify, and leave the old ledger in charge.")] = False,
    as_json: Json = False,
) -> None:
    """Move the ledger to another database, verified row by row; run it again if it was cut short."""
    from palantir_assets.cli.history import migrate

    raise typer.Exit(migrate(load_settings(), to, rehearse=rehearse, as_json=as_json))


@ledger.command("reopen")
def ledger_reopen() -> None:
    """Make the ledger that was moved away the ledger again, as it was when it was left."""
    from palantir_assets.cli.history import reopen

    raise typer.Exit(reopen(load_settings()))


@audit.command("who-saw")
def audit_who_saw(
    seen: Annotated[str, typer.Argument(help="An object: its type, a slash and its key.", metavar="TYPE/KEY")], as_json: Json = False
) -> None:
    """Who saw an object whose reads are on record, when, and in which answer."""
    from palantir_assets.cli.history import who_saw

    raise typer.Exit(who_saw(load_settings(), seen, as_json=as_json))


@specs.command("schema")
def specs_schema() -> None:
    """Print the JSON Schema of a spec file, for an editor that completes it."""
    from palantir_assets.cli.checking import schema

    console.answer_json(schema())


def _logs() -> Path | None:
    """Where an unexpected error may leave its traceback; None if the settings are what is wrong."""
    try:
        settings: Settings = load_settings()
    except PalantirError:
        return None
    folder = settings.state / "logs"
    return folder if folder.is_dir() else None
