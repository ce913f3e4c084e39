"""R03: markings follow data: no column bears fewer than the rule says, nor fewer than its values betray.

Random models are made by DuckDB; a marking is put on one raw column late, when all are made. Two oracles that share
nothing with the code under test: the rule itself, over what the writer of each model knows that it reads; and the
values: the marked column is changed, everything is made again, and whatever comes out otherwise must bear the marking.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import duckdb
import pytest

from palantir_assets.access.markings import Place, bearing, propagate
from palantir_assets.assets.column_markings import made_of
from palantir_assets.lineage.columns import model_lineage
from tests.soundness.conftest import FULL, Score
from tests.soundness.generated_models import FORMS, Model, Table, Where, dag, marked_by_the_rule, rows

pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")

DAGS = 1_000 if FULL else 100
CHANGES = 3
"""How often the values of the marked column are changed in each DAG."""
MARKED = frozenset({"marked"})

Content = dict[Where, list[int | None]]


@dataclass(frozen=True)
class World:
    """One DAG, and what its raw tables hold."""

    raw: list[Table]
    models: list[Model]
    held: dict[str, list[tuple[int, ...]]]

    def changed(self, where: Where, rng: random.Random) -> World:
        """The same with other values in one column."""
        table = next(table for table in self.raw if table.name == where[0])
        place = table.columns.index(where[1])
        other = [tuple(rng.randint(0, 6) if index == place else value for index, value in enumerate(row)) for row in self.held[where[0]]]
        return World(self.raw, self.models, {**self.held, where[0]: other})


def make(world: World, con: duckdb.DuckDBPyConnection) -> Content:
    """Make every table; gives the values of each column, whatever their order."""
    con.execute("DROP SCHEMA IF EXISTS raw CASCADE; DROP SCHEMA IF EXISTS marts CASCADE; CREATE SCHEMA raw; CREATE SCHEMA marts")
    for table in world.raw:
        con.execute(f"CREATE TABLE {table.name} ({', '.join(f'{name} INTEGER' for name in table.columns)})")
        con.executemany(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})", world.held[table.name])
    found: Content = {}
    for model in world.models:
        con.execute(f"CREATE TABLE {model.name} AS {model.sql}")
        for name in model.table.columns:
            values = [row[0] for row in con.execute(f'SELECT "{name}" FROM {model.name}').fetchall()]
            found[model.name, name] = sorted(values, key=lambda value: (value is None, value))
    return found


def borne(world: World, start: Where, con: duckdb.DuckDBPyConnection) -> set[Where]:
    """The columns that bear the marking, as the platform tells it: from the SQL texts and DuckDB's schemas alone."""
    schemas: dict[str, dict[str, str]] = {}
    for schema, table, column, type_ in con.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
    ).fetchall():
        schemas.setdefault(f"{schema}.{table}", {})[column] = type_
    made = {model.name: made_of(model_lineage(model.name, model.sql, schemas)) for model in world.models}
    assert propagate({}, made) == {}
    found = propagate({Place(*start): MARKED}, made)
    every = [(model.name, name) for model in world.models for name in model.table.columns]
    return {where for where in every if bearing(found, Place(*where)) == MARKED}


def test_r03_no_column_bears_fewer_markings_than_the_rule_and_its_values_tell(score: Score) -> None:
    con = duckdb.connect(config={"threads": 1})
    lost: list[str] = []
    columns = marked = betrayed = 0
    for seed in range(DAGS):
        rng = random.Random(seed)
        raw, models = dag(seed)
        world = World(raw, models, {table.name: list(rows(rng, table)) for table in raw})
        table = rng.choice(raw)
        start = (table.name, rng.choice(table.columns))
        before = make(world, con)
        found = borne(world, start, con)
        expected = marked_by_the_rule(start, models) - {start}
        lost += [f"seed {seed}: {where} by the rule" for where in sorted(expected - found)]
        for _ in range(CHANGES):
            after = make(world.changed(start, rng), con)
            differing = {where for where, values in before.items() if values != after[where]}
            lost += [f"seed {seed}: {where} by its values" for where in sorted(differing - found)]
            betrayed += len(differing)
        columns, marked = columns + len(before), marked + len(found)
    print(
        f"\nR03: {DAGS} DAGs of {len(FORMS)} forms, {columns} columns, {marked} of them marked, {betrayed} changes seen, {len(lost)} lost"
    )
    print(*lost[:20], sep="\n")
    assert betrayed > columns / 4, "values that never change could not betray anything"
    assert marked < columns, "to mark everything would be no answer"
    score("R03", DAGS, len(lost))
