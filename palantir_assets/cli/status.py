"""`palantir status`: what is served, how old it is, what the last build did. Cheap: no Dagster, no warehouse."""

from __future__ import annotations

from typing import Any

from palantir_assets.cli import boot, console, locks, probe, record, releases
from palantir_assets.settings import Settings


def command(settings: Settings, *, as_json: bool) -> int:
    """Print the status; return 1 if nothing is served or the last build failed."""
    found = gather(settings)
    if as_json:
        console.answer_json(found)
    else:
        for line in lines(found):
            console.answer(line)
    return 0 if found["release"] and (found["build"] or {}).get("state") != "failed" else console.EXIT_REFUSED


def gather(settings: Settings) -> dict[str, Any]:
    """The status as plain values."""
    last = record.read(settings)
    builder = locks.holder(boot.lock_file(settings, "build"))
    served = probe.ask(settings)
    return {
        "project": str(settings.project),
        "release": releases.head(settings),
        "api": {"url": probe.url(settings), "answers": served is not None, "release_id": served.release_id if served else None},
        "up": locks.holder(boot.lock_file(settings, "up")),
        "building": builder,
        "build": _told(last, builder) if last else None,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The status in words."""
    release, build, api = found["release"], found["build"], found["api"]
    told = [f"project   {found['project']}", f"release   {_release_line(release) if release else 'none yet; run `palantir up`'}"]
    answers = f"serves {api['release_id'] or 'nothing yet'}" if api["answers"] else "does not answer"
    told.append(f"api       {api['url']} {answers}")
    if found["building"] is not None:
        told.append(f"building  now, process {found['building']}")
    if build:
        when = console.age(record.moment(build["finished_at"] or build["started_at"]))
        told.append(f"build     {build['state']} {when} ago: {build['message'] or 'no word'}")
        told.append(f"stale     {', '.join(build['stale']) or 'nothing that the last build looked at'}")
        told += [f"warning   {warning}" for warning in build["warnings"]]
    return told


def _release_line(release: dict[str, Any]) -> str:
    made, read = console.age(record.moment(release["committed_at"])), console.age(record.moment(release["data_as_of"]))
    return f"{release['release_id']} (number {release['release_no']}, {made} old{f', data read {read} ago' if read else ''})"


def _told(last: record.BuildRecord, builder: int | None) -> dict[str, Any]:
    interrupted = last.state == "running" and builder is None
    return {
        "state": "failed" if interrupted else last.state,
        "started_at": last.started_at,
        "finished_at": last.finished_at,
        "seconds": last.seconds,
        "select": last.select,
        "materialised": last.materialised,
        "failed": list(last.failed),
        "stale": list(last.stale),
        "warnings": list(last.warnings),
        "release_id": last.release_id,
        "message": "it was killed before it could end; run `palantir build`" if interrupted else last.message,
    }
