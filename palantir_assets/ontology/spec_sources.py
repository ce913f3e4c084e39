"""The nouns of sources: where rows come from, how they are written, and how old they may get.

What must hold between them is asked in `source_rules`; how they are read, in `sources`.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from palantir_assets.ontology.spec_s3 import S3
from palantir_assets.ontology.spec_words import Identifier, Names, Owner, SourceType, Spec, texts


def _column(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class SourceColumn(Spec):
    """A declared column: its type, where it stands in the file if not under its own name, and how its values are written."""

    type: SourceType
    header: str | None = None
    position: int | None = Field(None, ge=1, le=10_000, description="its place in the file, from 1, in place of a header")
    format: Annotated[str, StringConstraints(pattern="%")] | None = Field(
        None, description="how a date or timestamp is written, as for strptime: `%d.%m.%Y`; ISO 8601 if none is given"
    )
    zone: str | None = Field(None, description="the time zone whose clock a timestamp without an offset tells; UTC if none is given")
    optional: bool = Field(False, description="may be missing in the file, and is null then")
    markings: Names = ()


class Freshness(Spec):
    """How old a source may get: `{warn_after: 12h, fail_after: 24h}`, or `{never: why}` for a closed one."""

    never: str | None = None
    warn_after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] | None = None
    fail_after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] | None = None


Encoding = Literal[
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "cp949",
    "euc-kr",
    "shift_jis",
    "gb18030",
    "big5",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1250",
    "windows-1251",
    "windows-1252",
]


class Csv(Spec):
    """The dialect of a CSV file."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    encoding: Encoding = "utf-8"
    header: bool = Field(True, description="false: the first line is a record, and columns stand in their declared order")
    multiline: bool = Field(True, description="false: no field goes on in the next line, and a quote that is not closed costs its own line")
    decimal: Literal[".", ","] = Field(".", description="what stands before decimals")
    thousands: Literal[".", ",", " ", "'", "’", "_"] | None = Field(None, description="what may stand between groups of three digits")


Format = Literal["csv", "json", "jsonl", "parquet", "arrow", "excel"]


PACKED: Final = (".gz", ".zip", ".zst")
ENDINGS: Final[dict[str, Format]] = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xlsx": "excel",
}


class Sql(Spec):
    """Where a database is. A URL with a password stands in the environment, never in a spec."""

    url_from: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] | None = Field(
        None, description="the environment variable that holds its URL, as SQLAlchemy spells one"
    )
    url: Annotated[str, StringConstraints(pattern=r"^sqlite:///[^/?#]")] | None = Field(
        None, description="in its place, a SQLite file of the project, such as sqlite:///data/shop.db"
    )
    timeout: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[smh]$")] = Field(
        "10m", description="how long reading a table may take"
    )


class SourceTable(Spec):
    """One table of a source. Rows that break the declaration are kept with line and reason, or stop the build."""

    file: str = Field("", max_length=500, description="a file, or all that fit a pattern such as data/orders-*.csv")
    table: Annotated[str, StringConstraints(pattern=r"^[^.\x00-\x1f]{1,200}(\.[^.\x00-\x1f]{1,200})?$")] | None = Field(
        None, description="for sql: a table or a view, such as public.orders"
    )
    query: str | None = Field(None, min_length=1, max_length=20_000, description="for sql: a query, in place of a table")
    key: Names = Field((), description="for sql: the columns that tell a row from every other; rows are read in their order")
    cursor: Identifier | None = Field(None, description="for sql: the column that grows whenever a row is new or changed")
    read: Literal["all", "changes"] = Field("all", description="for sql: all rows each time, or those alone whose cursor moved")
    member: str | None = Field(None, min_length=1, max_length=500, description="the members of an archive that are read, as a pattern")
    format: Format | None = Field(None, description="how the file is written; told by its ending if it is not said")
    records: str | None = Field(
        None, min_length=1, max_length=500, description="where a JSON document holds its records, such as data.items"
    )
    sheet: str | None = Field(None, min_length=1, max_length=31, description="the sheet of a workbook; the first if none is named")
    params: dict[str, str] = Field({}, description="for http: what is asked beside the path")
    paging: Paging | None = Field(None, description="for http: how the server hands out many records")
    description: str = ""
    empty_is: Annotated[tuple[str, ...], BeforeValidator(texts, json_schema_input_type=str | tuple[str, ...])] = Field(
        (), description="texts that mean null, beside the empty field"
    )
    on_bad_row: Literal["quarantine", "fail"] = "quarantine"
    columns: dict[Identifier, Annotated[SourceColumn, BeforeValidator(_column, json_schema_input_type=SourceType | SourceColumn)]] = Field(
        min_length=1
    )
    csv: Csv = Csv()
    markings: Names = Field((), description="markings that every column of the table bears")


EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]{0,99}$")]
"""A secret is never in a spec: it is where the environment says."""


Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.\[\]:-]{1,255}$")]


class HttpAuth(Spec):
    """How a server is told who asks: one of a bearer token, a name and a password, a key in a header or parameter, or OAuth 2."""

    bearer_from: EnvironmentName | None = None
    user_from: EnvironmentName | None = None
    password_from: EnvironmentName | None = None
    header: str | None = Field(None, pattern=r"^[A-Za-z0-9-]{1,100}$")
    param: str | None = Field(None, min_length=1, max_length=100)
    value_from: EnvironmentName | None = None
    token_url: str | None = Field(None, pattern=r"^https?://")
    client_from: EnvironmentName | None = None
    secret_from: EnvironmentName | None = None
    scope: str | None = None


class Http(Spec):
    """A server that is asked over HTTP. Only the hosts named here are ever asked, whoever points elsewhere."""

    url: str = Field(pattern=r"^https?://[^\s?#]+$", max_length=2000)
    auth: HttpAuth | None = None
    headers: dict[str, str] = Field({}, description="sent with each request; no secrets")
    hosts: tuple[Host, ...] = Field((), description="other hosts that its links and redirects may point to")
    private: bool = Field(
        False, description="it is in one's own network: addresses that are not public may be asked, and http:// with secrets"
    )
    at_most: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}/[smh]$")] | None = Field(
        None, description="requests a second, minute or hour"
    )
    timeout: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}[sm]$")] = "30s"


class Paging(Spec):
    """How a server hands out many records: by numbered pages, offsets, a cursor, the header `Link`, or a link in the body."""

    by: Literal["page", "offset", "cursor", "link", "next"]
    param: str | None = Field(None, description="the parameter of the page, the offset or the cursor")
    first: int = Field(1, ge=0, description="the number of the first page")
    size: int | None = Field(None, ge=1, le=100_000, description="records a page")
    size_param: str | None = Field(None, description="the parameter that asks for as many")
    at: str | None = Field(None, description="where an answer holds the next cursor or link, such as meta.next")
    most: int = Field(1000, ge=1, le=100_000, description="pages at the most; more are refused")


class Source(Spec):
    """Where rows come from: files in a package or beside the project, a server, objects in a bucket, or a database."""

    kind: Literal["package_data", "files", "http", "s3", "sql"]
    package: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="for package_data: the package, whose files are read without importing it"
    )
    http: Http | None = Field(None, description="for http: the server")
    s3: S3 | None = Field(None, description="for s3: the bucket, whose objects are read as files")
    sql: Sql | None = Field(None, description="for sql: where the database is")
    description: str = ""
    owner: Owner | None = None
    freshness: Freshness = Freshness()
    watch: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] | None = Field(
        None, description="how often a sensor looks whether it has changed, such as 5m; only builds look if not said"
    )
    markings: Names = Field((), description="markings that every column of every table bears")
    tables: dict[Identifier, SourceTable] = Field(min_length=1)


def place_of(table: SourceTable) -> tuple[str, str]:
    """(keyword, what it says) of where a table's rows are: in a file, a table or the answer to a query."""
    return next(((word, said) for word in ("file", "table", "query") if (said := getattr(table, word))), ("file", ""))


def format_of(name: str, table: SourceTable) -> Format:
    """What a file is written in: pages in JSON, and CSV where nothing says otherwise.

    >>> format_of("orders.jsonl.gz", SourceTable.model_validate({"file": "orders.jsonl.gz", "columns": {"id": "long"}}))
    'jsonl'
    """
    path = PurePosixPath(name.casefold())
    while path.suffix in PACKED:
        path = path.with_suffix("")
    return table.format or ("json" if table.paging else ENDINGS.get(path.suffix, "csv"))
