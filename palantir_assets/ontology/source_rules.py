"""What must hold of sources: that their bytes can be found, and that what is said of how they are written fits together."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from palantir_assets.errors import Problem
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Csv, Http, Source, SourceColumn, SourceTable
from palantir_assets.ontology.spec_sources import format_of


def sources_are_whole(loaded: Loaded) -> Iterator[Problem]:
    """A source has what its kind needs, and a warning of its age has an end."""
    for name, source in loaded.ontology.sources.items():
        if (source.kind == "package_data") != (source.package is not None):
            yield Problem(f"source {name!r}: `package` stands with `kind: package_data`, and only there", loaded.place("sources", name))
        if (source.kind == "http") != (source.http is not None):
            yield Problem(f"source {name!r}: `http` stands with `kind: http`, and only there", loaded.place("sources", name))
        elif source.http is not None:
            for said in _server(source.http):
                yield Problem(f"source {name!r}: {said}", loaded.place("sources", name, "http"))
        if source.freshness.warn_after and not source.freshness.fail_after:
            place = loaded.place("sources", name, "freshness")
            yield Problem(f"source {name!r}: `warn_after` needs a `fail_after` beside it", place, "add `fail_after: 24h`, or what suits it")


def tables_can_be_read(loaded: Loaded) -> Iterator[Problem]:
    """A dialect does not contradict itself, and a column says of its values what their type can be written as."""
    for name, source in loaded.ontology.sources.items():
        for table, declared in source.tables.items():
            at = ("tables", table)
            for word, said in (*_misplaced(declared), *_asked(source, declared), *(("csv", told) for told in _dialect(declared.csv))):
                yield Problem(f"source {name!r}: table {table!r}: {said}", loaded.place("sources", name, *at, word))
            for column, form in declared.columns.items():
                for said in _column(form, declared.csv):
                    yield Problem(f"source {name!r}: column {column!r}: {said}", loaded.place("sources", name, *at, "columns", column))


def _misplaced(table: SourceTable) -> Iterator[tuple[str, str]]:
    """(keyword, what is wrong) of what is said for another way of writing a file than this one."""
    if not table.file:
        return
    written = format_of(table.member or table.file, table)
    for word, there, needed in (
        ("csv", table.csv != Csv(), "csv"),
        ("records", bool(table.records), "json"),
        ("sheet", bool(table.sheet), "excel"),
    ):
        if there and written != needed:
            yield word, f"`{word}` is of {needed}, and {table.file} is {written}; if it is not, tell its `format`"


def _server(http: Http) -> Iterator[str]:
    if http.auth is None:
        return
    auth = http.auth
    ways = {
        "bearer_from": (auth.bearer_from,),
        "user_from, password_from": (auth.user_from, auth.password_from),
        "header or param, value_from": (auth.header or auth.param, auth.value_from),
        "token_url, client_from, secret_from": (auth.token_url, auth.client_from, auth.secret_from),
    }
    begun = [way for way, words in ways.items() if any(words)]
    if len(begun) != 1 or not all(ways[begun[0]]) or (auth.header and auth.param):
        yield f"`auth` says one way to sign in, whole: {'; '.join(ways)}"
    if not http.private and not all(url.startswith("https://") for url in (http.url, auth.token_url) if url):
        yield "secrets go over https:// alone; `private: true` is for a server in your own network"


def _asked(source: Source, table: SourceTable) -> Iterator[tuple[str, str]]:
    """(keyword, what is wrong) of what is said of asking a server."""
    for word, there in (("params", bool(table.params)), ("paging", table.paging is not None)):
        if there and source.kind != "http":
            yield word, f"`{word}` is for a source of kind http, and this is {source.kind}"
    if source.kind == "http" and any(mark in table.file for mark in "?#*"):
        yield "file", f"{table.file!r} is a path below the server's `url`; what stands after `?` is said in `params`"
    if table.paging is None:
        return
    paging, needs = table.paging, {"offset": ("param", "size", "size_param"), "cursor": ("param", "at"), "next": ("at",)}
    if missing := [word for word in needs.get(paging.by, ()) if getattr(paging, word) is None]:
        yield "paging", f"paging by {paging.by} needs `{'` and `'.join(missing)}`"
    if table.format not in (None, "json"):
        yield "paging", f"pages are JSON, and this is {table.format}"


def _dialect(csv: Csv) -> Iterator[str]:
    if csv.quote == csv.delimiter:
        yield f"{csv.quote!r} cannot both part fields and stand around them"
    if csv.thousands == csv.decimal:
        yield f"{csv.decimal!r} cannot stand both before decimals and between thousands"


def _column(column: SourceColumn, csv: Csv) -> Iterator[str]:
    if column.header is not None and column.position is not None:
        yield "it is found by its `header` or by its `position`, not by both"
    if column.header is not None and not csv.header:
        yield "the file has no header (`csv: {header: false}`); tell its `position`"
    if column.format is not None and column.type not in ("date", "timestamp"):
        yield f"`format` is of a date or a timestamp, and this is {column.type}"
    if column.zone is not None and column.type != "timestamp":
        yield f"`zone` is of a timestamp, and this is {column.type}"
    elif column.zone is not None and not _is_zone(column.zone):
        yield f"{column.zone!r} is no time zone; one is `Asia/Seoul` or `Europe/Berlin`"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True
