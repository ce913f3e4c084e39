"""How a name becomes a Dagster key, and what every asset of a station has in common."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from palantir_assets.access.markings import Markings, TableMarkings
from palantir_assets.names import Name
from palantir_assets.observability.masking import masked_rows, without_values
from palantir_assets.stores.warehouse import Warehouse, content_version, rows, sample

POOL = "warehouse"
"""The concurrency pool of everything that opens the warehouse file: DuckDB allows one writing process."""

CANDIDATE = Name("candidate", "candidate")
ANSWERS = Name("candidate", "answers")
"""What of the candidate an answer can depend on: all of it but labels and descriptions."""
RELEASE = Name("release", "release")
LINK_ARRAYS = Name("graph", "links")
DOCUMENTS = Name("search", "documents")
DBT_DOCS = Name("tables", "dbt_docs")
MARKINGS = Name("tables", "markings")
INPUT_VERSION = "dagster/input_data_version/"
"""What begins the tag of a materialisation that tells which version of an input it was made from."""
ENCODERS = "encoders"
"""The part of the cache that holds exported encoders."""

EAGER = dg.AutomationCondition.eager()


def key(name: Name) -> dg.AssetKey:
    return dg.AssetKey(list(name.key))


def spec(
    name: Name,
    *,
    version: str,
    deps: Iterable[Name | dg.AssetKey] = (),
    description: str = "",
    owner: str | None = None,
    kinds: Sequence[str] = (),
    group: str = "",
    metadata: Mapping[str, Any] | None = None,
    freshness: dg.FreshnessPolicy | None = None,
    automation: dg.AutomationCondition[Any] | None = EAGER,
) -> dg.AssetSpec:
    """The specification of one asset: its group is its station, its code version that of its content."""
    return dg.AssetSpec(
        key(name),
        deps=[dep if isinstance(dep, dg.AssetKey) else key(dep) for dep in deps],
        description=description or None,
        group_name=group or name.station,
        code_version=version,
        owners=[owner] if owner else None,
        kinds=set(kinds),
        metadata=metadata,
        freshness_policy=freshness,
        automation_condition=automation,
    )


def table_result(
    warehouse: Warehouse, name: Name, sql: str = "", *, marked: TableMarkings, version: str = "", **more: Any
) -> dg.MaterializeResult[Any]:
    """What a person wants to see of a table that was just made, with the version of its content; what is `marked` is hidden."""
    with warehouse.read() as con:
        version, count, first = version or content_version(con, name), rows(con, name), sample(con, name)
    shown: dict[str, Any] = {"dagster/table_name": name.table, "sample": markdown_table(hidden_rows(first, marked)), **bears(marked.all)}
    if not marked.rows:
        shown["dagster/row_count"] = count
    if sql:
        shown["sql"] = dg.MetadataValue.md(f"```sql\n{without_values(sql) if marked.rows else sql}\n```")
    return dg.MaterializeResult(asset_key=key(name), metadata={**shown, **more}, data_version=dg.DataVersion(version))


def bears(markings: Markings) -> dict[str, Any]:
    """The metadata that names an asset's markings; nothing where it has none."""
    return {"markings": ", ".join(sorted(markings))} if markings else {}


def hidden_rows(records: Sequence[Mapping[str, object]], marked: TableMarkings) -> list[dict[str, object]]:
    """Rows of a table as they may be shown: every marked value as `•••`."""
    return masked_rows(records, {column for record in records[:1] for column in record if marked.of(column)})


def markdown_table(records: Sequence[Mapping[str, object]], *, cell: int = 60) -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table; long cells are cut."""
    if not records:
        return dg.MetadataValue.md("*no rows*")
    heads = list(records[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(_cell(record.get(head), cell) for head in heads) + " |" for record in records]
    return dg.MetadataValue.md("\n".join(lines))


def json_value(value: object) -> dg.JsonMetadataValue:
    """Any value as JSON metadata; what JSON does not know becomes text."""
    return dg.MetadataValue.json(json.loads(json.dumps(value, default=str)))


def last_made(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> dict[str, dg.AssetMaterialization]:
    """The last materialisation of each asset that was ever made, by its name; one query for all of them."""
    events = {record.asset_entry.asset_key: record.asset_entry.last_materialization for record in instance.get_asset_records(keys)}
    return {key.to_user_string(): event.asset_materialization for key, event in events.items() if event and event.asset_materialization}


def latest_versions(instance: dg.DagsterInstance, names: Iterable[Name]) -> dict[Name, str]:
    """The content version each asset last reported, or "" if it was never made."""
    wanted = list(dict.fromkeys(names))
    made = last_made(instance, [key(name) for name in wanted])
    return {name: (made[str(name)].tags or {}).get("dagster/data_version", "") if str(name) in made else "" for name in wanted}


def latest_version(instance: dg.DagsterInstance, name: Name) -> str:
    """The content version of one asset."""
    return latest_versions(instance, [name])[name]


def file_version(path: Path) -> str:
    """A hash of one file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def folder_version(folder: Path, *parts: str) -> str:
    """A hash of every file in the named parts of a folder."""
    digest = hashlib.sha256()
    for part in sorted(parts):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file():
                digest.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def image(png: bytes) -> dg.MarkdownMetadataValue:
    """A picture inside an asset's metadata."""
    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{base64.b64encode(png).decode()})")


def cut(text: str, limit: int) -> str:
    """A text, no longer than the limit."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _cell(value: object, limit: int) -> str:
    return cut("" if value is None else str(value).replace("|", "\\|").replace("\n", " "), limit)
