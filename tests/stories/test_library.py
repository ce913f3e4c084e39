"""A library of books and films that uses the whole spec language, from CSV files to a release: what is in it, byte by byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from palantir_assets.assets.problems import find_problems
from palantir_assets.assets.rounds import BuildOutcome
from palantir_assets.graph.building import load
from palantir_assets.release.manifest import read_manifest
from palantir_assets.release.reading import Release, open_release
from palantir_assets.settings import Settings
from tests.assets.shop import BUILDS
from tests.stories.libraries import LIBRARY, build_library, copy_library, environment_of

pytestmark = BUILDS


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return copy_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def outcome(settings: Settings) -> BuildOutcome:
    return build_library(settings)


@pytest.fixture(scope="module")
def folder(settings: Settings, outcome: BuildOutcome) -> Path:
    return settings.releases / str(outcome.release_id)


@pytest.fixture(scope="module")
def release(settings: Settings, folder: Path) -> Iterator[Release]:
    opened = open_release(folder, settings.indexes)
    yield opened
    opened.close()


def served(release: Release, object_type: str, key: object) -> Any:
    row = release.row_of(object_type, key)
    assert row is not None
    return json.loads(release.json_rows(object_type, [row])[0])


def test_every_type_of_property_comes_out_as_it_went_in(release: Release) -> None:
    assert served(release, "book", "B-1") == {
        "__rid": "ri.ontology.main.object.book.B-1", "__primaryKey": "B-1", "__apiName": "book", "__title": "『채식주의자』",
        "book_id": "B-1", "isbn": "9788936433598", "name": "채식주의자", "book_title": "채식주의자", "branch_id": "gn",
        "price": "12000.00", "subjects": ["소설", "novel"], "dimensions": {"width": 128.0, "height": 188.0}, "taste": [0.1, 0.9, 0.0],
        "cover": "covers/b-1.jpg", "access": "public", "times_lent": 3, "fees": "3.25", "late_loans": 2,
        "fee_per_loan": 3.25 / 3, "last_lent": "2024-08-01T08:00:00Z",
    }  # fmt: skip
    branch = served(release, "branch", "gn")
    assert branch["place"] == {"type": "Point", "coordinates": [127.0470, 37.5139]}
    assert (branch["books_held"], branch["most_expensive"], branch["is_northern"]) == (2, "15000.50", False)


def test_what_is_missing_is_left_out_and_what_is_not_lent_counts_nothing(release: Release) -> None:
    never_lent = served(release, "book", "B-4")
    assert never_lent["times_lent"] == 0
    assert not {"subjects", "cover", "fees", "fee_per_loan", "last_lent"} & never_lent.keys()


def test_what_only_actions_set_holds_its_default_and_is_asked_like_any_other(release: Release) -> None:
    member = served(release, "member", 1)
    assert member["blocked"] is False and "blocked_because" not in member
    with release.sql() as con:
        assert con.execute("SELECT DISTINCT blocked, blocked_because FROM member").fetchall() == [(False, None)]
    assert release.ontology.find_action("block_member").do[0].set == {"blocked": True, "blocked_because": "$reason"}


def test_virtual_properties_are_asked_like_any_other_and_lie_in_no_released_file(release: Release, folder: Path) -> None:
    with release.sql() as con:
        assert con.execute("SELECT book_id FROM book WHERE fee_per_loan > 1 ORDER BY _row").fetchall() == [("B-1",), ("B-3",)]
        assert con.execute("SELECT typeof(taste) FROM book LIMIT 1").fetchall() == [("FLOAT[3]",)]
    assert not {"fee_per_loan", "last_lent"} & set(pq.read_schema(folder / "objects" / "book" / "part-00000.parquet").names)


def test_a_link_through_loans_knows_each_loan_and_when_the_book_was_out(folder: Path) -> None:
    links = load(folder / "links" / "member__borrowed")
    assert links.forward.of(0).tolist() == [0, 0, 2]
    assert links.forward.valid is not None and links.forward.through is not None
    july = int(datetime(2024, 7, 1, 12, tzinfo=UTC).timestamp() * 1_000_000)
    assert links.forward.of_many([0], july).tolist() == [2]
    assert sorted(links.forward.through[:3].tolist()) == [0, 1, 4]
    assert links.forward.valid[:, 1].max() == np.iinfo(np.int64).max


def test_a_join_table_leads_both_ways_and_what_it_loses_is_told(settings: Settings, folder: Path) -> None:
    links = load(folder / "links" / "book__authors")
    assert links.forward.of(3).tolist() == [2, 3]
    assert links.reverse.of(0).tolist() == [0, 1]
    checks = json.loads((folder / "reports" / "checks.json").read_bytes())
    assert "orphans" in json.dumps(checks)


def test_the_points_of_a_series_and_the_source_of_a_function_are_sealed_with_the_rest(folder: Path) -> None:
    points = pq.read_table(folder / "series" / "branch__visitors" / "part-00000.parquet").to_pylist()
    assert [(point["series"], point["value"]) for point in points] == [("gn", 410.0), ("gn", 388.5), ("jr", 122.0), ("jr", 140.0)]
    assert (folder / "functions" / "library" / "functions.py").read_bytes() == (
        LIBRARY / "ontology_specs" / "library" / "functions.py"
    ).read_bytes()
    assert {"functions/library/functions.py", "series/branch__visitors/part-00000.parquet"} <= read_manifest(folder).files.keys()


def test_built_in_another_folder_it_is_the_same_release(tmp_path: Path, outcome: BuildOutcome) -> None:
    again = build_library(copy_library(tmp_path / "again"))
    assert again.release_id == outcome.release_id


def test_a_table_that_a_link_or_series_reads_and_nobody_makes_is_told_before_anything_is_built(tmp_path: Path) -> None:
    settings = copy_library(tmp_path / "broken")
    for name in ("book_authors", "visits"):
        (settings.project / "dbt_project" / "models" / f"{name}.sql").unlink()
    with environment_of(settings):
        told = [str(problem) for problem in find_problems(settings)]
    assert sorted(line.partition(": ")[2].partition(";")[0] for line in told) == [
        "there is no dbt model marts.book_authors",
        "there is no dbt model marts.visits",
    ]


def test_a_metric_that_cannot_be_planned_is_told_before_anything_is_built(tmp_path: Path) -> None:
    settings = copy_library(tmp_path / "broken")
    file = settings.specs_dir / "library" / "shared.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("type: avg, field: fee", "type: avg, field: lent_at"), encoding="utf-8")
    with environment_of(settings):
        (told,) = map(str, find_problems(settings))
    assert "shared.yaml:" in told and "metric 'average_fee' cannot be asked: " in told
