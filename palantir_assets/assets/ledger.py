"""The ledger as a source: one asset for each object type and each link via a table, of what edits say of it in the end.

All of them are read in one step, at one moment of the ledger, so that a build during which people go on is of that
moment. What edits say is decided in `actions.replay`, how the ledger is read in `stores.histories`; `objects` and
`links` fold it in. Where the ledger cannot be reached, what was read last stands, with the moment it is of: a release
tells up to which edit it goes, and whoever serves it adds the rest.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from palantir_assets.actions.edits import Applied
from palantir_assets.actions.renaming import history_of_today, names_of_today
from palantir_assets.actions.replay import Pair, Said, said_of_links, said_of_types
from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.keys import POOL, bears, key, spec
from palantir_assets.assets.project import Project
from palantir_assets.errors import LedgerError
from palantir_assets.names import Name, fingerprint, link_table, object_table, said_table
from palantir_assets.observability.masking import masked
from palantir_assets.ontology.spec import Ontology
from palantir_assets.ontology.versioning import MAKERS
from palantir_assets.stores.warehouse import columns, content_version, replace_tables, rows

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from palantir_assets.stores.database import Database
    from palantir_assets.stores.histories import Moment

log = logging.getLogger(__name__)

READ_UNTIL: Final = "read_until"
"""The metadata that tells what was last said of a type when it was read: the last edit, and the last reversal."""

MOMENT: Final = Name("ledger", "__moment")
"""The table that tells of which moment the others are: the last edit that was read."""

UNREAD: Final = "never"


def said_of(ontology: Ontology) -> dict[Name, Name]:
    """The asset of every object type and every link via a table → the asset of what edits say of it."""
    types = [object_table(name) for name in ontology.objects]
    links = [link_table(source.name, name) for source in ontology.objects.values() for name, link in source.links.items() if link.via]
    return {name: said_table(name) for name in (*types, *links)}


def ledger_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`ledger/<type>` and `ledger/<type>__<link>`: made together, at one moment."""
    made = said_of(project.ontology)

    @dg.multi_asset(
        specs=[
            spec(
                said,
                version=fingerprint(MAKERS["ledger"]),
                kinds=["sql", "duckdb"],
                description=f"What people's edits say of {name} in the end, as the ledger has it.",
                automation=dg.AutomationCondition.on_cron("0 5 * * *"),
            )
            for name, said in made.items()
        ],
        name="ledger__edits",
        pool=POOL,
    )
    def read_edits() -> Iterator[dg.MaterializeResult[Any]]:
        try:
            until, words, history = _read(project)
        except LedgerError as error:
            log.warning("%s; the build goes on with the edits that were read last", error)
            yield from _as_before(project, str(error))
            return
        with project.warehouse.write() as con:
            _keep(con, project.ontology, history, until.edit_no)
        yield from _reported(project, words, {})

    return [read_edits]


def ledger_versions(project: Project) -> dict[str, str]:
    """What was last said of everything as the ledger has it now, by "source:<asset>"; empty where it cannot be reached."""
    from palantir_assets.stores.histories import last_words, moment

    try:
        with closing(_opened(project)) as database:
            words = last_words(database, moment(database))
    except LedgerError:
        return {}
    words = _of_today(words, project.ontology)
    return {f"source:{said}": _word(words, said) for said in said_of(project.ontology).values()}


def _opened(project: Project) -> Database:
    from palantir_assets.stores.database import open_database

    return open_database(project.settings.ledger_url, project.settings.audit_key)


def _read(project: Project) -> tuple[Moment, Mapping[str, tuple[int, int]], list[Applied]]:
    from palantir_assets.stores.histories import last_words, moment, whole_history

    with closing(_opened(project)) as database:
        until = moment(database)
        return until, _of_today(last_words(database, until), project.ontology), whole_history(database, until)


def _of_today(words: Mapping[str, tuple[int, int]], ontology: Ontology) -> dict[str, tuple[int, int]]:
    """What was last said under either name, of what was renamed."""
    both = dict(words)
    for before, today in names_of_today(ontology.objects).items():
        pairs = [words[name] for name in (before, today) if name in words]
        both |= {today: (max(last for last, _ in pairs), max(reversal for _, reversal in pairs))} if pairs else {}
    return both


def _word(words: Mapping[str, tuple[int, int]], said: Name) -> str:
    return "{}:{}".format(*words.get(said.local, (0, 0)))


def _keep(con: duckdb.DuckDBPyConnection, ontology: Ontology, history: list[Applied], edit_no: int) -> None:
    """Every table anew, and the moment with them: all of it or nothing."""
    history = history_of_today(history, names_of_today(ontology.objects))
    objects, links = said_of_types(history), said_of_links(history)
    selects = {MOMENT: f"SELECT {int(edit_no)}::BIGINT AS edit_no"}
    for made, said in said_of(ontology).items():
        of_links = made.station == "links"
        table = _pairs_table(links.get(said.local, {})) if of_links else _objects_table(objects.get(said.local, {}))
        con.register(f"new_{said.local}", table)
        selects[said] = f'SELECT * FROM "new_{said.local}"'
    replace_tables(con, selects)


def _objects_table(said: Mapping[str, Said]) -> pa.Table:
    import pyarrow as pa

    kept = sorted(said.items())
    values = [json.dumps({name: [value, at.isoformat()] for name, (value, at) in sorted(one.values.items())}) for _, one in kept]
    return pa.table(
        {
            "key": pa.array([key for key, _ in kept], pa.string()),
            "present": pa.array([one.exists for _, one in kept], pa.bool_()),
            "said_at": pa.array([one.at if one.exists is not None else None for _, one in kept], pa.timestamp("us")),
            "erased": pa.array([one.erased for _, one in kept], pa.bool_()),
            "edit_no": pa.array([one.edit_no for _, one in kept], pa.int64()),
            "values": pa.array(values, pa.string()),
        }
    )


def _pairs_table(said: Mapping[Pair, bool]) -> pa.Table:
    import pyarrow as pa

    kept = sorted(said.items())
    ends = [pa.array([pair[end] for pair, _ in kept], pa.string()) for end in (0, 1)]
    return pa.table({"source": ends[0], "target": ends[1], "linked": pa.array([linked for _, linked in kept], pa.bool_())})


def _as_before(project: Project, reason: str) -> Iterator[dg.MaterializeResult[Any]]:
    """What was read last stands; where not everything was ever read, nothing is: then no edit counts as folded."""
    said = said_of(project.ontology).values()
    with project.warehouse.write() as con:
        if not all(columns(con, name) for name in (MOMENT, *said)):
            _keep(con, project.ontology, [], 0)
    yield from _reported(project, None, {"warning": reason})


def _reported(
    project: Project, words: Mapping[str, tuple[int, int]] | None, more: Mapping[str, str]
) -> Iterator[dg.MaterializeResult[Any]]:
    for made, said in said_of(project.ontology).items():
        marked = markings_of(project, made)
        with project.warehouse.read() as con:
            version, count = content_version(con, said), rows(con, said)
            until = con.execute(f"SELECT edit_no FROM {MOMENT.sql}").fetchall()[0][0]
        told = {
            "edited": masked(count, marked.rows),
            "edits_until": until,
            READ_UNTIL: UNREAD if words is None else _word(words, said),
            **more,
            **bears(marked.all),
        }
        yield dg.MaterializeResult(asset_key=key(said), metadata=told, data_version=dg.DataVersion(version))
