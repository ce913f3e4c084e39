from __future__ import annotations

import csv
from pathlib import Path

import pytest

from palantir_assets.cli import project
from palantir_assets.errors import SettingsError
from palantir_assets.ontology.loading import load_ontology


def test_init_writes_a_project_whose_specs_hold_together(tmp_path: Path) -> None:
    told = project.write(tmp_path / "shop")
    assert "palantir up" in told
    assert (tmp_path / "shop" / ".gitignore").exists()
    assert not (tmp_path / "shop" / "gitignore").exists()
    ontology = load_ontology(tmp_path / "shop" / "ontology_specs").ontology
    assert set(ontology.objects) == {"customer", "order"}
    assert list(ontology.objects["order"].links) == ["customer"]
    assert len(ontology.evals["facts"].queries) == 1
    assert all(each.label.ko for each in ontology.objects.values())


def test_the_files_of_the_template_have_the_declared_columns_and_one_orphan(tmp_path: Path) -> None:
    project.write(tmp_path / "shop")
    ontology = load_ontology(tmp_path / "shop" / "ontology_specs").ontology
    rows = {}
    for name, table in ontology.sources["shop"].tables.items():
        with (tmp_path / "shop" / table.file).open(newline="") as file:
            rows[name] = list(csv.DictReader(file))
        assert list(rows[name][0]) == list(table.columns)
    customers = {row["customer_id"] for row in rows["customers"]}
    assert [row["order_id"] for row in rows["orders"] if row["customer_id"] not in customers] == ["o-1010"]


def test_a_folder_with_something_in_it_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SettingsError, match="is not empty"):
        project.write(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_refused_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="Not a directory") as refused:
        project.write(tmp_path / "file" / "shop")
    assert "can be written" in refused.value.advice
