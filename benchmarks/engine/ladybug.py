"""ladybug, the maintained fork of kuzu, as a peer: a database with the objects and links of a release.

Statements are given as text with a parameter: ladybug keeps what it planned, and a prepared statement costs it more.
A node table a type, its primary key the object's key (the only property that ladybug indexes), with its plain properties and,
beside them, its ready JSON; a relationship table a link. Everything is loaded by COPY from Parquet. `copied` is the same
for the measurement of COPY itself: nodes are row numbers there, the keys that are cheapest to find.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.processes import environment, run

if TYPE_CHECKING:
    from benchmarks.engine.stage import Stage

HOP: Final = "MATCH (:plane {{key: $key}})<-[:flight__flown_by]-(f:flight) RETURN {}"
AROUND: Final = (
    "MATCH (:plane {key: $key})<-[:flight__flown_by]-(:flight)-[:flight__destination]->(a:airport) WITH DISTINCT a "
    "MATCH (a)<-[:flight__destination]-(:flight)-[:flight__operated_by]->(c:carrier) RETURN DISTINCT c.key"
)

TYPES: Final[Mapping[str, str]] = {
    "string": "STRING", "bool": "BOOL", "int32": "INT32", "int64": "INT64",
    "double": "DOUBLE", "date32[day]": "DATE", "timestamp[us]": "TIMESTAMP",
}  # fmt: skip


def connection(file: Path, site: str, *, writes: bool = False) -> Any:
    """A connection to a database file; `site` is where its package lies. For reading, more threads cost more CPU time, not less."""
    sys.path.append(site)
    library = import_module("ladybug")
    return library.Connection(library.Database(str(file), read_only=not writes), num_threads=2 if writes else 1)


def rows(found: Any) -> list[Any]:
    """The only column of a result."""
    values = []
    while found.has_next():
        values.append(found.get_next()[0])
    return values


def around(file: str, site: str) -> Callable[[str], list[str]]:
    """What answers the four steps from a plane, by `worker`."""
    opened = connection(Path(file), site)
    return lambda key: sorted(rows(opened.execute(AROUND, {"key": key})))


def load(stage: Stage) -> Path:
    """A database in the run's work folder with every object and link of the release."""
    folder = stage.bench.work / "ladybug"
    folder.mkdir()
    write_tables(stage, folder)
    module = [sys.executable, "-m", "benchmarks.engine.ladybug"]
    run([*module, str(folder), str(stage.site)], environment(stage.state), stage.bench.log("ladybug"))
    return folder / "database"


def write_tables(stage: Stage, folder: Path) -> None:
    """What is loaded: `nodes/<type>` with properties, key and body, `links/<type>.<other>.<link>` with two keys, `rows/…` with two rows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.engine.rows import bodies, opened

    for name in ("nodes", "links", "rows"):
        (folder / name).mkdir()
    with opened(stage.state, stage.release) as release:
        keys = {}
        for name in release.ontology.types:
            ready, table = bodies(release, name), pq.read_table(release.folder / "objects" / name)
            keys[name] = ready.column("key")
            table = table.select([field.name for field in table.schema if str(field.type) in TYPES])
            table = table.append_column("key", ready.column("key")).append_column("body", ready.column("body"))
            pq.write_table(table, folder / "nodes" / f"{name}.parquet")
        for source in release.ontology.types.values():
            for name, link in source.links.items():
                forward = release.links[f"{source.name}__{name}"].forward
                left = np.repeat(np.arange(forward.rows), np.diff(forward.offsets))
                file = f"{source.name}.{link.to}.{source.name}__{name}.parquet"
                ends = {"a": keys[source.name].take(pa.array(left)), "b": keys[link.to].take(pa.array(forward.targets))}
                pq.write_table(pa.table(ends), folder / "links" / file)
                pq.write_table(pa.table({"a": left.astype(np.int64), "b": forward.targets.astype(np.int64)}), folder / "rows" / file)


def fill(folder: Path, site: str) -> None:
    """Make `folder/database` of the files beside it."""
    import pyarrow.parquet as pq

    opened = connection(folder / "database", site, writes=True)
    for file in sorted((folder / "nodes").iterdir()):
        columns = ", ".join(f"`{field.name}` {TYPES[str(field.type)]}" for field in pq.read_schema(file))
        opened.execute(f"CREATE NODE TABLE {file.stem}({columns}, PRIMARY KEY(key))")
        opened.execute(f"COPY {file.stem} FROM '{file}'")
    _copy_links(opened, folder / "links")
    opened.execute("CHECKPOINT")


def copied(folder: str, site: str) -> Callable[[int], dict[str, float]]:
    """Wall and CPU seconds of COPY of every link of `folder/rows` into a database that has the nodes already, by `worker`."""

    def copy(number: int) -> dict[str, float]:
        scratch = Path(folder) / f"copy-{number}"
        scratch.mkdir()
        opened = connection(scratch / "database", site, writes=True)
        for file in sorted((Path(folder) / "nodes").iterdir()):
            opened.execute(f"CREATE NODE TABLE {file.stem}(row INT64, PRIMARY KEY(row))")
            opened.execute(f"COPY {file.stem} FROM (LOAD FROM '{file}' RETURN _row)")
        wall, cpu = time.perf_counter(), time.process_time()
        _copy_links(opened, Path(folder) / "rows")
        opened.execute("CHECKPOINT")
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        opened.close()
        shutil.rmtree(scratch)
        return spent

    return copy


def _copy_links(opened: Any, folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        source, target, link, _ = file.name.split(".")
        opened.execute(f"CREATE REL TABLE {link}(FROM {source} TO {target})")
        opened.execute(f"COPY {link} FROM '{file}'")


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2])
