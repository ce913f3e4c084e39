"""The dbt project on disk: what is kept of its runs, and what is said when it cannot be parsed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from palantir_assets.errors import BuildError
from palantir_assets.stores.dbt import KEPT_RUNS, PARSED, DbtFolder


def folder(tmp_path: Path) -> DbtFolder:
    return DbtFolder(tmp_path / "project", tmp_path / "target", tmp_path / "warehouse.duckdb")


def test_a_run_gets_a_folder_with_what_was_parsed(tmp_path: Path) -> None:
    dbt = folder(tmp_path)
    dbt.target.mkdir()
    (dbt.target / PARSED).write_bytes(b"parsed")
    assert (dbt.run_folder("one") / PARSED).read_bytes() == b"parsed"


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    dbt = folder(tmp_path)
    dbt.target.mkdir()
    (dbt.target / PARSED).write_bytes(b"")
    for number in range(KEPT_RUNS + 5):
        os.utime(dbt.run_folder(f"run-{number}"), (number, number))
    left = {entry.name for entry in (dbt.target / "runs").iterdir()}
    assert left == {f"run-{number}" for number in range(5, KEPT_RUNS + 5)}


def test_a_folder_without_a_dbt_project_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as told:
        folder(tmp_path).manifest()
    assert "no dbt_project.yml" in told.value.message
    assert "palantir init" in told.value.advice
