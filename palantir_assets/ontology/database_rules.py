"""What must hold of what a table reads: that a source of its kind has it, and, of databases, where one is and what is read of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.source_rules import is_setting
from palantir_assets.ontology.spec import Csv, Source, SourceTable

OF_SQL = ("table", "query", "key", "cursor", "read")
OF_HTTP = ("params", "paging")
OF_FILES = ("file", "member", "format", "records", "sheet", "csv")


def databases_are_whole(loaded: Loaded) -> Iterator[Problem]:
    """A database says where it is, in a way that puts no secret into a spec."""
    for name, source in loaded.ontology.sources.items():
        yield from (Problem(f"source {name!r}: {said}", loaded.place("sources", name)) for said in _where(source))


def rows_can_be_found(loaded: Loaded) -> Iterator[Problem]:
    """A table names a file, or a table or query of a database, as its source's kind wants it."""
    for name, source in loaded.ontology.sources.items():
        for table, declared in source.tables.items():
            for word, said in (*_foreign(source, declared), *_what(source, declared), *_columns(source, declared)):
                yield Problem(f"source {name!r}: table {table!r}: {said}", loaded.place("sources", name, "tables", table, word))


def _where(source: Source) -> Iterator[str]:
    sql = source.sql
    if (source.kind == "sql") != (sql is not None):
        yield "`sql` stands with `kind: sql`, and only there"
    elif sql is None:
        return
    elif (sql.url is None) == (sql.url_from is None):
        yield "`sql` tells its `url_from` or its `url`: one of them"
    elif sql.url_from is not None and is_setting(sql.url_from):
        yield f"{sql.url_from} is kept for settings of the platform; name it otherwise, such as SHOP_DATABASE_URL"
    elif sql.url is not None and ".." in PurePosixPath(sql.url).parts:
        yield f"{sql.url!r} points out of the project; name a file inside it"


def _foreign(source: Source, table: SourceTable) -> Iterator[tuple[str, str]]:
    """(keyword, what is wrong) of what is said for another kind of source than this one."""
    foreign = (*(OF_FILES if source.kind == "sql" else OF_SQL), *(() if source.kind == "http" else OF_HTTP))
    for word in foreign:
        if getattr(table, word) not in (None, "", (), {}, "all", Csv()):
            yield word, f"`{word}` is not of a source of `kind: {source.kind}`"


def _what(source: Source, table: SourceTable) -> Iterator[tuple[str, str]]:
    if source.kind != "sql" and not table.file:
        yield "columns", "it needs a `file`"
    if source.kind == "sql" and table.read == "changes" and not (table.key and table.cursor):
        yield "read", "`read: changes` needs a `key` and a `cursor`"
    if source.kind == "sql" and (table.table is None) == (table.query is None):
        yield "columns", "it needs a `table` or a `query`: one of them"


def _columns(source: Source, table: SourceTable) -> Iterator[tuple[str, str]]:
    if source.kind != "sql":
        return
    named = [("key", name) for name in table.key] + ([("cursor", table.cursor)] if table.cursor else [])
    for word, name in named:
        if name not in table.columns:
            hint = did_you_mean(name, table.columns)
            yield word, f"`{word}` names {name!r}, which is no declared column" + (f"; {hint}" if hint else "")
        elif table.columns[name].optional:
            yield word, f"`{word}` names {name!r}, which may be missing"
    for name, column in table.columns.items():
        if column.position is not None:
            yield "columns", f"column {name!r} has a `position`, which is of a file"
