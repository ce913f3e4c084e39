"""What must hold of sources: that their bytes can be found, and that what is said of how they are written fits together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from palantir_assets.errors import Problem
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import S3, Csv, Http, S3Access, Source, SourceColumn, SourceTable
from palantir_assets.ontology.spec_sources import format_of


def sources_are_whole(loaded: Loaded) -> Iterator[Problem]:
    """A source has what its kind needs, and a warning of its age has an end."""
    for name, source in loaded.ontology.sources.items():
        for kind, word, block in (("package_data", "package", source.package), ("http", "http", source.http), ("s3", "s3", source.s3)):
            if (source.kind == kind) != (block is not None):
                yield Problem(f"source {name!r}: `{word}` stands with `kind: {kind}`, and only there", loaded.place("sources", name))
        for told in _server(source.http) if source.kind == "http" and source.http is not None else ():
            yield Problem(f"source {name!r}: {told}", loaded.place("sources", name, "http"))
        if source.freshness.warn_after and not source.freshness.fail_after:
            place = loaded.place("sources", name, "freshness")
            yield Problem(f"source {name!r}: `warn_after` needs a `fail_after` beside it", place, "add `fail_after: 24h`, or what suits it")


def buckets_can_be_asked(loaded: Loaded) -> Iterator[Problem]:
    """Where a bucket is can be told by what is declared, and that holds no secret. What is wrong is not repeated: it may be one."""
    for name, source in loaded.ontology.sources.items():
        for word, said, hint in _bucket(source.s3) if source.s3 else ():
            yield Problem(f"source {name!r}: {said}", loaded.place("sources", name, "s3", word), hint)


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


def _bucket(s3: S3) -> Iterator[tuple[str, str, str]]:
    """(keyword, what is wrong, what to write instead)."""
    if s3.endpoint is not None and not _ENDPOINT.fullmatch(s3.endpoint):
        yield "endpoint", "`endpoint` is http:// or https://, a host and, if need be, a port", "such as https://objects.example.org:9000"
    if s3.prefix.startswith("/") or ".." in s3.prefix.split("/"):
        yield "prefix", "`prefix` is a folder of the bucket, told from its top", "such as exports/shop"
    for word, variable in s3.access.model_dump(exclude_none=True).items() if isinstance(s3.access, S3Access) else ():
        if not _VARIABLE.fullmatch(variable):
            said = f"`{word}` names the environment variable that holds it; what is secret does not stand in a spec"
            yield "access", said, "such as SHOP_S3_SECRET, in capitals"
        elif is_setting(variable):
            yield "access", f"`{word}`: names that begin with PALANTIR_ are settings of the platform", "choose another name"


_ENDPOINT: Final = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?/?")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")


def _misplaced(table: SourceTable) -> Iterator[tuple[str, str]]:
    """(keyword, what is wrong) of what is said for another way of writing a file than this one."""
    if not table.file:
        return
    names = table.file.split("/")
    if any("**" in name and name != "**" for name in names) or names[-1] == "**":
        yield "file", "`**` stands alone between slashes and is any number of folders, such as `**/*.csv`"
    written = format_of(table.member or table.file, table)
    for word, there, needed in (
        ("csv", table.csv != Csv(), "csv"),
        ("records", bool(table.records), "json"),
        ("sheet", bool(table.sheet), "excel"),
    ):
        if there and written != needed:
            yield word, f"`{word}` is of {needed}, and {table.file} is {written}; if it is not, tell its `format`"


def is_setting(variable: str) -> bool:
    """Whether a variable is the platform's own: what it holds, such as the ledger's password, goes to no source."""
    return variable.startswith("PALANTIR_")


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
    for variable in auth.model_dump(exclude_none=True).values():
        if is_setting(variable):
            yield f"{variable} is kept for settings of the platform; name it otherwise"
    begun = [way for way, words in ways.items() if any(words)]
    if len(begun) != 1 or not all(ways[begun[0]]) or (auth.header and auth.param):
        yield f"`auth` says one way to sign in, whole: {'; '.join(ways)}"
    if not http.private and not all(url.startswith("https://") for url in (http.url, auth.token_url) if url):
        yield "secrets go over https:// alone; `private: true` is for a server in your own network"


def _asked(source: Source, table: SourceTable) -> Iterator[tuple[str, str]]:
    """(keyword, what is wrong) of what is said of asking a server."""
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
