"""The library as a release on disk, made by `release` itself and written into a real ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from palantir_assets.graph.building import build_csr, save
from palantir_assets.ontology.served_access import ServedRole
from palantir_assets.release.manifest import Provenance, Versions
from palantir_assets.release.publishing import publish
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.release.writing import object_schema, write_json, write_objects, write_table
from palantir_assets.settings import Settings
from palantir_assets.stores.ledger import open_ledger
from tests.conformance.world import FUNCTION_SOURCE, ONTOLOGY, World, points, world
from tests.fakes.release import open_to_viewers

ROLES = {"viewer": ServedRole(), "librarian": ServedRole(), "head": ServedRole()}
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)


def settings_in(folder: Path, *, port: int = 0) -> Settings:
    return Settings(project=folder, state=folder / "var", ledger_url=f"sqlite:///{folder / 'ledger.db'}", port=port)


def release_library(settings: Settings) -> str:
    """Seal and publish the library; its release id."""
    made = world()
    shelf = Shelf(settings.releases)
    with staging(shelf) as folder:
        _write(made, folder)
        candidate = seal_candidate(
            folder,
            shelf,
            versions=Versions(code_version="1", spec_version="1", lock_version="1"),
            provenance=Provenance(created_at=AS_OF, data_as_of=AS_OF),
            rows={name: len(rows) for name, rows in made.rows.items()},
        )
    ledger = open_ledger(settings.ledger_url)
    try:
        return publish(candidate, {}, shelf=shelf, log=ledger, reason="conformance", actor="test", clock=lambda: AS_OF).release_id
    finally:
        ledger.close()


def _write(made: World, folder: Path) -> None:
    write_json(ONTOLOGY.model_dump(mode="json"), folder / "ontology.json")
    write_json(open_to_viewers(ONTOLOGY, roles=ROLES).model_dump(mode="json"), folder / "access.json")
    (folder / "functions").mkdir()
    (folder / "functions" / "functions.py").write_text(FUNCTION_SOURCE)
    for name, kind in ONTOLOGY.types.items():
        title = kind.title.strip("{}")
        rows = [{"_row": number, "_title": str(row[title]), **row} for number, row in enumerate(made.rows[name])]
        write_objects(pa.Table.from_pylist(rows, schema=object_schema(kind)), folder / "objects" / name, kind)
    (folder / "series" / "branch__visitors").mkdir(parents=True)
    series, at, value = map(list, zip(*points(), strict=True))
    table = pa.table({"series": series, "at": pa.array(at, pa.timestamp("us")), "value": value})
    write_table(table, folder / "series" / "branch__visitors" / "part-00000.parquet")
    for name, pairs in made.pairs.items():
        source, link = name.split("__")
        target = ONTOLOGY.types[source].links[link].to
        counts = len(made.rows[source]), len(made.rows[target])
        beside = (
            {"valid": np.array(made.valid, dtype=np.int64), "through": made.through} if ONTOLOGY.types[source].links[link].dated else {}
        )
        save(build_csr([left for left, _ in pairs], [right for _, right in pairs], *counts, **beside), folder / "links" / name)
