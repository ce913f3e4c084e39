"""datasette and roapi as peers: the flights as a table over HTTP, each with what it needs to be quick.

datasette serves a SQLite file with a primary key and the spec's indexes, without facets and with one SQL thread; roapi
holds the release's own Parquet files in memory, and has no indexes. Their rows have other spellings of times and nulls
than objects have, so what is compared is the fields that have one spelling, and in what order the objects come.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from benchmarks.engine.asking import Ask, HttpSide
from benchmarks.engine.questions import MEASURED, PAGE, Questions
from benchmarks.processes import free_port

if TYPE_CHECKING:
    from benchmarks.engine.stage import Servers, Stage

FIELDS: Final = ("flight_id", "carrier_code", "flight_number", "origin_code", "destination_code", "distance_miles", "scheduled_month")
SUMMED: Final = f"count(*) AS flights, avg({MEASURED}) AS mean, min({MEASURED}) AS least, max({MEASURED}) AS most"
SQLITE_GROUPS: Final = f"""
WITH chosen AS (SELECT * FROM flight WHERE :origin = '' OR origin_code = :origin),
ranked AS (SELECT carrier_code, {MEASURED}, row_number() OVER delays AS r, count(*) OVER (PARTITION BY carrier_code) AS n
  FROM chosen WHERE {MEASURED} IS NOT NULL WINDOW delays AS (PARTITION BY carrier_code ORDER BY {MEASURED})),
medians AS (SELECT carrier_code, avg({MEASURED}) AS middle FROM ranked WHERE r IN ((n + 1) / 2, (n + 2) / 2) GROUP BY 1),
sums AS (SELECT carrier_code, {SUMMED} FROM chosen GROUP BY 1)
SELECT * FROM sums JOIN medians USING (carrier_code)
"""
ROAPI_GROUPS: Final = (
    f"SELECT carrier_code, {SUMMED}, approx_percentile_cont({MEASURED}, 0.5) AS middle FROM flight {{}} GROUP BY carrier_code"
)

Read = Callable[[bytes], Any]


def datasette(servers: Servers, asks: list[Ask], read: Read) -> HttpSide:
    stage, port = servers.stage, free_port()
    file = stage.bench.work / "flights.db"
    if not file.exists():
        stage.bench.say("loading the release into SQLite, for datasette")
        _write_sqlite(stage, file)
    settings = {"suggest_facets": "off", "default_facet_size": "1", "num_sql_threads": "1", "sql_time_limit_ms": "60000"}
    options = [part for name, value in settings.items() for part in ("--setting", name, value)]
    command = [str(stage.peers / "bin" / "datasette"), "serve", "-i", str(file), "-p", str(port), *options]
    server = servers.command("datasette", command, port, "/-/versions.json")
    return HttpSide("datasette", port, [server.pid], asks, read)


def roapi(servers: Servers, asks: list[Ask], read: Read) -> HttpSide:
    stage, port = servers.stage, free_port()
    table = f"flight={stage.release}/objects/flight,format=parquet"
    others = ["-p", f"127.0.0.1:{free_port()}", "--addr-flight-sql", f"127.0.0.1:{free_port()}"]
    command = [str(stage.peers / "bin" / "roapi"), "-a", f"127.0.0.1:{port}", *others, "-t", table]
    server = servers.command("roapi", command, port, "/health")
    return HttpSide("roapi", port, [server.pid], asks, read)


def datasette_asks(questions: Questions) -> dict[str, list[Ask]]:
    plain = {"_shape": "array", "_nofacet": "1", "_nosuggest": "1", "_nocount": "1"}
    found = {"_sort": "scheduled_departure", "_size": str(PAGE), **plain}
    return {
        "object": [Ask(f"/flights/flight/{key}.json?_shape=array") for key in questions.keys],
        "filter": [
            Ask(f"/flights/flight.json?{urlencode({'carrier_code': carrier, 'origin_code': origin, **found})}")
            for carrier, origin in questions.filters
        ],
        "aggregate": [
            Ask(f"/flights.json?{urlencode({'sql': SQLITE_GROUPS, 'origin': code or '', '_shape': 'array'})}") for code in questions.groups
        ],
    }


def roapi_asks(questions: Questions) -> dict[str, list[Ask]]:
    table = "/api/tables/flight?"
    found = {"sort": "scheduled_departure,flight_id", "limit": str(PAGE)}
    return {
        "object": [Ask(table + urlencode({"filter[flight_id]": f"'{key}'"})) for key in questions.keys],
        "filter": [
            Ask(table + urlencode({"filter[carrier_code]": f"'{carrier}'", "filter[origin_code]": f"'{origin}'", **found}))
            for carrier, origin in questions.filters
        ],
        "aggregate": [
            Ask("/api/sql", ROAPI_GROUPS.format(f"WHERE origin_code = '{code}'" if code else "").encode()) for code in questions.groups
        ],
    }


def fields_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """What has one spelling everywhere."""
    return {name: item.get(name) for name in FIELDS}


def row_read(body: bytes) -> dict[str, Any]:
    """One object of any side."""
    told = json.loads(body)
    return fields_of(told[0] if isinstance(told, list) else told)


def rows_read(body: bytes) -> list[dict[str, Any]]:
    """A page of any side, in its order."""
    told = json.loads(body)
    return [fields_of(item) for item in (told if isinstance(told, list) else told["data"])]


def table_read(body: bytes) -> dict[str, dict[str, float]]:
    """Groups, as `questions.groups_read` tells them."""
    return {row.pop("carrier_code"): row for row in json.loads(body)}


def _write_sqlite(stage: Stage, file: Path) -> None:
    import duckdb

    with duckdb.connect() as con:
        found = con.sql(f"SELECT * EXCLUDE (_row, _title) FROM read_parquet('{stage.release}/objects/flight/*.parquet') ORDER BY _row")
        names, rows = found.columns, con.sql("SELECT COLUMNS(*)::VARCHAR FROM found").fetchall()
        kinds = ["INTEGER" if str(kind) in ("INTEGER", "BIGINT", "BOOLEAN") else "TEXT" for kind in found.types]
    temporary = file.with_suffix(".part")
    with sqlite3.connect(temporary) as database:
        key, indexes = _key_and_indexes(stage.release)
        columns = ", ".join(f'"{name}" {kind}{" PRIMARY KEY" if name == key else ""}' for name, kind in zip(names, kinds, strict=True))
        database.execute(f"CREATE TABLE flight ({columns})")
        database.executemany(f"INSERT INTO flight VALUES ({', '.join('?' * len(names))})", rows)
        for name in indexes:
            database.execute(f'CREATE INDEX "by_{name}" ON flight ("{name}")')
        database.execute("ANALYZE")
    temporary.rename(file)


def _key_and_indexes(release: Path) -> tuple[str, list[str]]:
    kind = json.loads((release / "ontology.json").read_bytes())["types"]["flight"]
    return kind["key"], kind["indexes"]
