"""Twenty questions about New York's flights: how each is asked of the API, and what is right.

Every right answer comes straight from the package's CSV files, by SQL or by plain Python, never from a
table of ours. The real defects of the data are among the questions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.stories.asking import Api, Raw, all_of, any_of, first_showing, is_, not_, utc

ON_TIME, OVERNIGHT, NO_ZONE, CANCELLED = "2013-01-01-UA-1545-EWR", "2013-03-08-VX-29-JFK", "2013-01-01-B6-739-JFK", "2013-02-09-US-35-JFK"
FLIGHTS = (ON_TIME, OVERNIGHT, NO_ZONE, CANCELLED, "2013-07-04-HA-51-JFK")


@dataclass(frozen=True)
class Question:
    """What is asked of the API, and what is right: SQL over the raw files, or a function of them."""

    name: str
    asked: Callable[[Api], Any]
    right: str | Callable[[Raw], Any]

    def __str__(self) -> str:
        return self.name


def every_count(api: Api) -> Any:
    return [[name, api.count(name)] for name in ("airport", "carrier", "daily_operation", "flight", "plane", "route")]


def long_flights_of_two_carriers(api: Api) -> int:
    carriers = any_of(is_("eq", "carrier_code", "UA"), is_("in", "carrier_code", ["AA"]))
    return api.count("flight", all_of(carriers, not_(is_("eq", "origin_code", "EWR")), is_("gte", "distance_miles", 1000)))


def not_late_and_never_arrived(api: Api) -> Any:
    late = is_("gt", "arrival_delay_minutes", 0)
    return [[api.count("flight", not_(late)), api.count("flight", is_("isNull", "arrival_delay_minutes", True))]]


def worst_arrivals(api: Api) -> Any:
    found = api.find("flight", is_("gt", "arrival_delay_minutes", 600), "-arrival_delay_minutes", "flight_id", size=7)
    return [[each["flight_id"], each["arrival_delay_minutes"]] for each in found]


def flights_in_full(api: Api) -> Any:
    found = {key: api.get("flight", key) for key in FLIGHTS}
    for flight in found.values():
        assert 0 <= flight.pop("late_probability") <= 1  # the model's word; the files know nothing of it
    return found


def flights_from_the_lines(raw: Raw) -> Any:
    return {key: flight_from_its_line(raw, key) for key in FLIGHTS}


def flight_from_its_line(raw: Raw, key: str) -> dict[str, Any]:
    """One line of flights.csv as the object it should become, worked out as a person would."""
    year, month, day, carrier, number, origin = key.split("-")
    line = raw.record("flights", year=year, month=str(int(month)), day=str(int(day)), carrier=carrier, flight=number, origin=origin)
    flown, to = f"{year}-{month}-{day}", str(line["dest"])
    departs = datetime.fromisoformat(str(line["time_hour"])).replace(minute=int(str(line["minute"])), tzinfo=UTC)
    zone = raw.sql(f"SELECT tzone FROM airports WHERE faa = '{to}'")
    arrives = first_showing(int(str(line["sched_arr_time"])), zone, departs) if zone else None
    late, later = whole(line["dep_delay"]), whole(line["arr_delay"])
    told = {
        "__title": f"{carrier} {number} {origin}→{to}, {flown}",
        "flight_id": key,
        "carrier_code": carrier,
        "flight_number": int(number),
        "tail_number": line["tailnum"],
        "origin_code": origin,
        "destination_code": to,
        "flight_date": flown,
        "origin_day_id": f"{origin}-{flown}",
        "route_id": f"{origin}-{to}",
        "scheduled_departure": utc(departs),
        "actual_departure": after(departs, late),
        "scheduled_arrival": utc(arrives) if arrives else None,
        "actual_arrival": after(arrives, later),
        "departure_delay_minutes": late,
        "arrival_delay_minutes": later,
        "air_time_minutes": whole(line["air_time"]),
        "distance_miles": whole(line["distance"]),
        "scheduled_hour": whole(line["hour"]),
        "scheduled_month": int(month),
        "scheduled_weekday": date.fromisoformat(flown).isoweekday(),
        "is_cancelled": line["dep_time"] is None,
        "is_late": None if later is None else later > 15,
    }
    return {name: value for name, value in told.items() if value is not None}


def whole(cell: str | None) -> int | None:
    return None if cell is None else int(float(cell))


def after(moment: datetime | None, minutes: int | None) -> str | None:
    return None if moment is None or minutes is None else utc(datetime.fromtimestamp(moment.timestamp() + 60 * minutes, UTC))


def plane_from_its_line(raw: Raw) -> dict[str, Any]:
    line = raw.record("planes", tailnum="N14228")
    told = {
        "__title": f"{line['tailnum']} {line['manufacturer']} {line['model']}",
        "tail_number": line["tailnum"],
        "manufacture_year": whole(line["year"]),
        "plane_type": line["type"],
        "status": "active",
        "manufacturer": line["manufacturer"],
        "model": line["model"],
        "engines": whole(line["engines"]),
        "seats": whole(line["seats"]),
        "engine_type": line["engine"],
        "cruising_speed_mph": whole(line["speed"]),
        "is_wide": int(str(line["seats"])) >= 250,
    }
    return {name: value for name, value in told.items() if value is not None}


def where_one_flight_leads(api: Api) -> Any:
    links = ("origin", "destination", "flown_by", "operated_by", "route", "origin_day")
    return [[key for link in links for key in api.keys(f"flight/{ON_TIME}/links/{link}")]]


def routes_from_kennedy(api: Api) -> Any:
    return [[each["destination_code"], each["flights"], each["carriers"]] for each in api.pages("airport/JFK/links/routes_from", size=50)]


def one_snowy_day(api: Api) -> Any:
    day = api.get("daily_operation", "JFK-2013-02-09")
    names = ("departures", "cancelled", "weather_hours", "visibility_miles", "precipitation_inches")
    return [[*(day[name] for name in names), pytest.approx(day["temperature_fahrenheit"], abs=0.006)]]


def flights_of_unknown_planes(api: Api) -> int:
    """Asked with every tail number that has a plane, a thousand at a time; a flight without any is in neither set."""
    known = api.keys("plane")
    parts = [is_("in", "tail_number", known[start : start + 1000]) for start in range(0, len(known), 1000)]
    return api.count("flight", not_(any_of(*parts)))


def links_that_lead_nowhere(api: Api) -> Any:
    """A destination without a row, a flight without a tail number, and a tail number without a row."""
    unknown = next(api.find("flight", is_("eq", "tail_number", "N3ALAA"), size=1))["flight_id"]
    paths = (f"{NO_ZONE}/links/destination", f"{CANCELLED}/links/flown_by", f"{unknown}/links/flown_by")
    return [len(api.keys(f"flight/{path}")) for path in paths]


def kennedy(api: Api) -> Any:
    return [[*api.search("John F Kennedy")[0]], [*api.search("JFK 공항")[0]], [*api.search("제이에프케이 JFK", "airport")[0]]]


QUESTIONS = [
    Question(
        "how many objects there are of each type",
        every_count,
        "SELECT 'airport', count(*) FROM airports UNION ALL SELECT 'carrier', count(*) FROM airlines "
        "UNION ALL SELECT 'daily_operation', count(DISTINCT (origin, date)) FROM flights UNION ALL SELECT 'flight', count(*) FROM flights "
        "UNION ALL SELECT 'plane', count(*) FROM planes UNION ALL SELECT 'route', count(DISTINCT (origin, dest)) FROM flights ORDER BY 1",
    ),
    Question(
        "how many flights left from Kennedy",
        lambda api: api.count("flight", is_("eq", "origin_code", "JFK")),
        "SELECT count(*) FROM flights WHERE origin = 'JFK'",
    ),
    Question(
        "how many were cancelled",
        lambda api: api.count("flight", is_("eq", "is_cancelled", True)),
        "SELECT count(*) FROM flights WHERE dep_time IS NULL",
    ),
    Question(
        "how many arrived more than two hours late",
        lambda api: api.count("flight", is_("gt", "arrival_delay_minutes", 120)),
        "SELECT count(*) FROM flights WHERE arr_delay > 120",
    ),
    Question(
        "which were to leave before noon, universal time, on New Year's Day",
        lambda api: [each["flight_id"] for each in api.find("flight", is_("lt", "scheduled_departure", "2013-01-01T12:00:00Z"), size=9)],
        "SELECT id FROM flights WHERE departs < TIMESTAMP '2013-01-01 12:00:00' ORDER BY id",
    ),
    Question(
        "how many flew on the fourth of July",
        lambda api: api.count("flight", all_of(is_("gte", "flight_date", "2013-07-04"), is_("lt", "flight_date", "2013-07-05"))),
        "SELECT count(*) FROM flights WHERE month = 7 AND day = 4",
    ),
    Question(
        "how many long flights of two carriers left from another place than Newark",
        long_flights_of_two_carriers,
        "SELECT count(*) FROM flights WHERE carrier IN ('UA', 'AA') AND origin <> 'EWR' AND distance >= 1000",
    ),
    Question(
        "how many were not late, and how many never arrived",
        not_late_and_never_arrived,
        "SELECT count(*) FILTER (arr_delay <= 0), count(*) FILTER (arr_delay IS NULL) FROM flights",
    ),
    Question(
        "which planes have 250 seats or more",
        lambda api: [each["tail_number"] for each in api.find("plane", is_("eq", "is_wide", True), size=20)],
        "SELECT tailnum FROM planes WHERE seats >= 250 ORDER BY tailnum",
    ),
    Question(
        "which flights arrived latest, page by page",
        worst_arrivals,
        "SELECT id, arr_delay FROM flights WHERE arr_delay > 600 ORDER BY arr_delay DESC, id",
    ),
    Question("every property of five flights", flights_in_full, flights_from_the_lines),
    Question("every property of a plane", lambda api: api.get("plane", "N14228"), plane_from_its_line),
    Question(
        "where a flight's links lead",
        where_one_flight_leads,
        f"SELECT origin, dest, tailnum, carrier, origin || '-' || dest, origin || '-' || date FROM flights WHERE id = '{ON_TIME}'",
    ),
    Question(
        "which flights a plane flew",
        lambda api: api.keys("plane/N14228/links/flights", size=40),
        "SELECT id FROM flights WHERE tailnum = 'N14228' ORDER BY id",
    ),
    Question(
        "which routes begin at Kennedy, how often and by how many carriers",
        routes_from_kennedy,
        "SELECT dest, count(*), count(DISTINCT carrier) FROM flights WHERE origin = 'JFK' GROUP BY dest ORDER BY dest",
    ),
    Question(
        "which days La Guardia had",
        lambda api: api.keys("airport/LGA/links/days", size=100),
        "SELECT DISTINCT 'LGA-' || date AS day FROM flights WHERE origin = 'LGA' ORDER BY day",
    ),
    Question(
        "how a snowy day went, and its weather",
        one_snowy_day,
        "WITH day AS (FROM weather WHERE origin = 'JFK' AND month = 2 AND day = 9) "
        "SELECT count(*), count(*) FILTER (dep_time IS NULL), (SELECT count(*) FROM day), (SELECT min(visib) FROM day), "
        "(SELECT round(sum(precip), 2) FROM day), (SELECT avg(temp) FROM day) FROM flights WHERE origin = 'JFK' AND month = 2 AND day = 9",
    ),
    Question(
        "how many flights name a plane that nobody knows",
        flights_of_unknown_planes,
        "SELECT count(*) FROM flights WHERE tailnum NOT IN (SELECT tailnum FROM planes)",
    ),
    Question(
        "what is at the end of a link that leads nowhere",
        links_that_lead_nowhere,
        f"SELECT (SELECT count(*) FROM airports JOIN flights ON faa = dest WHERE id = '{NO_ZONE}') UNION ALL "
        f"SELECT (SELECT count(*) FROM planes JOIN flights USING (tailnum) WHERE id = '{CANCELLED}') UNION ALL "
        "SELECT (SELECT count(*) FROM planes WHERE tailnum = 'N3ALAA')",
    ),
    Question(
        "where Kennedy is, in English and in Korean",
        kennedy,
        "SELECT 'airport', faa FROM airports, range(3) WHERE name ILIKE 'john f kennedy%'",
    ),
]
