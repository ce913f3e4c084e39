"""What changed in the objects of a type from one release to another, exactly: which came, which went, and what differs.

Pieces with the same hash on both sides hold the same rows and are not read. Only stored properties are compared: what
is computed when indexes are built follows from them. What is done with a difference is decided in `actions.automations`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from pydantic import ValidationError

from palantir_assets.actions.edits import Change, Json, Values
from palantir_assets.errors import ReleaseError
from palantir_assets.names import literal, quoted
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.release.manifest import read_manifest


def ontology_in(folder: Path) -> ServedOntology:
    """The ontology of a release on disk. Raises ReleaseError."""
    try:
        return ServedOntology.model_validate_json((folder / "ontology.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise ReleaseError(f"the ontology of {folder.name} cannot be read") from error


def differences(before: Path, after: Path, object_type: str) -> Iterator[tuple[Change, Values]]:
    """Every change of an object, in the order of keys, with the object's values as they are after it, or were if it is gone.

    A property that only one of the two has, or whose type changed, counts as null where it is not as it is now.
    Raises ReleaseError where one of the releases cannot be read.
    """
    new, old = ontology_in(after).types.get(object_type), ontology_in(before).types.get(object_type)
    kind = new or old
    if kind is None:
        return
    pieces = _pieces(before, object_type), _pieces(after, object_type)
    same = Counter(pieces[0].values()) & Counter(pieces[1].values())
    left = [before / piece for piece, sha in pieces[0].items() if sha not in same]
    right = [after / piece for piece, sha in pieces[1].items() if sha not in same]
    stored = {name: prop for name, prop in kind.properties.items() if prop.virtual is None}
    kept = {name for name, prop in stored.items() if old and name in old.properties and old.properties[name].type == prop.type}
    try:
        with duckdb.connect(":memory:", config={"threads": 2}) as session:
            rows = session.execute(_query(left, right, kind, stored, kept)).fetchall() if left or right else []
    except duckdb.Error as error:
        raise ReleaseError(f"the objects of {object_type} cannot be compared: {str(error).splitlines()[0]}") from error
    for was, now in rows:
        yield _change(object_type, kind, stored, was, now)


def objects_at(folder: Path, object_type: str, keys: Sequence[str]) -> Mapping[str, Values]:
    """The stored values of some objects of a release, by key; those that it does not have are left out. Raises ReleaseError."""
    kind = ontology_in(folder).types.get(object_type)
    files = [literal(str(folder / piece)) for piece in _pieces(folder, object_type)]
    if kind is None or not files:
        return {}
    stored = {name: prop for name, prop in kind.properties.items() if prop.virtual is None}
    columns = ", ".join(quoted(name) for name in stored)
    query = f"SELECT {columns} FROM read_parquet([{', '.join(files)}]) WHERE list_contains(?, CAST({quoted(kind.key)} AS VARCHAR))"
    try:
        with duckdb.connect(":memory:", config={"threads": 2}) as session:
            rows = session.execute(query, [list(keys)]).fetchall()
    except duckdb.Error as error:
        raise ReleaseError(f"the objects of {object_type} cannot be read: {str(error).splitlines()[0]}") from error
    told = [dict(zip(stored, row, strict=True)) for row in rows]
    return {str(row[kind.key]): {name: _spelled(prop, row[name]) for name, prop in stored.items()} for row in told}


def _pieces(folder: Path, object_type: str) -> Mapping[str, str]:
    start = f"objects/{object_type}/"
    return {path: entry.sha256 for path, entry in sorted(read_manifest(folder).files.items()) if path.startswith(start)}


def _query(left: list[Path], right: list[Path], kind: ServedType, stored: Mapping[str, ServedProperty], kept: set[str]) -> str:
    """Rows of (before, after), each a struct or null, that differ."""
    columns = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in stored)
    older = ", ".join(f"{quoted(name)} := {quoted(name) if name in kept else 'NULL'}" for name in stored)
    key = quoted(kind.key)
    was = _side(left or right, older, key, nothing=not left)
    now = _side(right or left, columns if right else older, key, nothing=not right)
    return f"SELECT was.row, now.row FROM {was} was FULL JOIN {now} now USING (key) WHERE was.row IS DISTINCT FROM now.row ORDER BY key"


def _side(files: list[Path], columns: str, key: str, *, nothing: bool) -> str:
    named = ", ".join(literal(str(file)) for file in files)
    return f"(SELECT {key} AS key, struct_pack({columns}) AS row FROM read_parquet([{named}])" + (" LIMIT 0)" if nothing else ")")


def _change(
    object_type: str, kind: ServedType, stored: Mapping[str, ServedProperty], was: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> tuple[Change, Values]:
    before = {name: _spelled(prop, was[name]) for name, prop in stored.items()} if was is not None else {}
    after = {name: _spelled(prop, now[name]) for name, prop in stored.items()} if now is not None else {}
    changed = {name: (before.get(name), after.get(name)) for name in stored if before.get(name) != after.get(name)}
    values = after or before
    row = now if now is not None else was
    assert row is not None, "a full join gives one side at the least"
    what: Any = "created" if was is None else "deleted" if now is None else "modified"
    return Change(what, object_type, str(row[kind.key]), changed), values


def _spelled(prop: ServedProperty, value: Any) -> Json:
    """A value as objects spell it."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return str(value) if prop.type == "long" else value
        case Decimal():
            return format(value, "f")
        case datetime():
            fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
            return f"{value:%Y-%m-%dT%H:%M:%S}{fraction}Z"
        case date():
            return value.isoformat()
        case dict() if prop.type == "geopoint":
            return {"type": "Point", "coordinates": [value["longitude"], value["latitude"]]}
        case dict():
            return {name: _spelled(prop, inner) for name, inner in value.items()}
        case list() | tuple():
            return [_spelled(prop, inner) for inner in value]
        case _:
            return value
