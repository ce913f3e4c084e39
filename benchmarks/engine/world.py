"""A release with N flights for each flight of another: `python -m benchmarks.engine.world RELEASE STATE N`.

Every other object is the same; each copy of a flight has a key of its own and the links of the flight it was made from.
Written, sealed, published and indexed by the platform's own functions; prints the seconds each part took, as JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from palantir_assets.graph.building import LinkArrays, build_csr, load, save
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.release.manifest import Provenance, Versions
from palantir_assets.release.publishing import publish
from palantir_assets.release.reading import ONTOLOGY, open_release
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.release.writing import write_objects
from palantir_assets.settings import load_settings
from palantir_assets.stores.ledger import open_ledger

COPIED: Final = "flight"
Spent = dict[str, float]


def make(source: Path, state: Path, factor: int) -> Spent:
    """CPU seconds, by part, of making a state folder with the release; what is only copied is not in them."""
    state.mkdir(parents=True)
    settings, spent = load_settings({"PALANTIR_STATE": str(state)}), Spent()
    ontology = ServedOntology.model_validate_json((source / ONTOLOGY).read_bytes())
    objects, now = copied(source, ontology, factor), datetime.now(UTC)
    ledger, shelf = open_ledger(settings.ledger_url, settings.audit_key), Shelf(settings.releases)
    with staging(shelf) as folder:
        _copy_the_rest(source, folder)
        with _counted(spent, "objects"):
            write_objects(objects, folder / "objects" / COPIED, ontology.types[COPIED])
        _make_links(source, folder, factor, spent)
        rows = {**json.loads((source / "manifest.json").read_bytes())["rows"], COPIED: objects.num_rows}
        versions, provenance = Versions(code_version="1", spec_version="1", lock_version="1"), Provenance(created_at=now, data_as_of=now)
        with _counted(spent, "sealing"):
            candidate = seal_candidate(folder, shelf, versions=versions, provenance=provenance, rows=rows)
    published = publish(candidate, {}, shelf=shelf, log=ledger, reason="benchmark", actor="benchmark")
    with _counted(spent, "indexes"):
        open_release(published.folder, settings.indexes).close()
    ledger.close()
    return spent


def copied(source: Path, ontology: ServedOntology, factor: int) -> pa.Table:
    """The flights, each `factor` times, in the order of their keys."""
    table = pq.read_table(source / "objects" / COPIED)
    if factor == 1:
        return table
    key = ontology.types[COPIED].key
    many = table.take(pa.array(np.repeat(np.arange(table.num_rows), factor)))
    # A tilde sorts after every sign of a key, and all suffixes are as long: copies stay beside what they were made from.
    suffixes = pa.array([f"~{number:03d}" for number in range(factor)] * table.num_rows)
    renamed = pc.binary_join_element_wise(many.column(key), suffixes, "")
    numbers = pa.array(np.arange(many.num_rows, dtype=np.int32))
    many = many.set_column(many.column_names.index("_row"), "_row", numbers)
    return many.set_column(many.column_names.index(key), key, renamed)


def _make_links(source: Path, folder: Path, factor: int, spent: Spent) -> None:
    for path in sorted((source / "links").iterdir()):
        if not path.name.startswith(f"{COPIED}__"):
            shutil.copytree(path, folder / "links" / path.name)
            continue
        links = load(path)
        left, right = _ends(links, factor)
        with _counted(spent, "links"):
            save(build_csr(left, right, links.forward.rows * factor, links.reverse.rows), folder / "links" / path.name)


def _ends(links: LinkArrays, factor: int) -> tuple[np.ndarray, np.ndarray]:
    left = np.repeat(np.arange(links.forward.rows), links.forward.degrees())
    copies = (left[:, None] * factor + np.arange(factor)).ravel()
    return copies, np.repeat(np.asarray(links.forward.targets), factor)


def _copy_the_rest(source: Path, folder: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.name not in ("objects", "links", "reports", "manifest.json", "provenance.json"):
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, folder / path.name)
    for path in sorted((source / "objects").iterdir()):
        if path.name != COPIED:
            shutil.copytree(path, folder / "objects" / path.name)


@contextmanager
def _counted(spent: Spent, part: str) -> Iterator[None]:
    before = time.process_time()
    yield
    spent[part] = spent.get(part, 0.0) + time.process_time() - before


if __name__ == "__main__":
    print(json.dumps(make(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
