"""Fetching: a declared file is found in its package or project, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import Source
from palantir_assets.sources.fetching import fetch, find_file
from palantir_assets.sources.raw_files import RawFiles

TABLES = {"orders": {"file": "data/orders.csv", "columns": {"id": "integer"}}}
FILES = Source.model_validate({"kind": "files", "tables": TABLES})


def package(name: str) -> Source:
    return Source.model_validate({"kind": "package_data", "package": name, "tables": TABLES})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "data").mkdir(parents=True)
    (tmp_path / "shop" / "data" / "orders.csv").write_text("id\n1\n")
    (tmp_path / "secret.csv").write_text("id\n9\n")
    return tmp_path / "shop"


def test_a_file_beside_the_project_is_kept(project: Path, tmp_path: Path) -> None:
    kept = fetch(FILES, FILES.tables["orders"], project=project, into=RawFiles(tmp_path / "raw_files"))
    assert (kept.name, kept.path.read_text()) == ("orders.csv", "id\n1\n")


@pytest.mark.parametrize("file", ["../secret.csv", "data/../../secret.csv", "/etc/hostname", "..\\secret.csv"])
def test_a_path_out_of_the_project_is_refused(project: Path, file: str) -> None:
    with pytest.raises(SourceError, match="points out of its folder"):
        find_file(FILES, file, project=project)


def test_a_link_out_of_the_project_is_refused(project: Path, tmp_path: Path) -> None:
    (project / "data" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(SourceError, match="is a link out of"):
        find_file(FILES, "data/link.csv", project=project)


def test_a_missing_file_is_told_with_the_nearest_name(project: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no file 'data/order\.csv' in .*; did you mean 'orders\.csv'\?"):
        find_file(FILES, "data/order.csv", project=project)


def test_a_package_is_read_without_being_imported(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "shop_data" / "data").mkdir(parents=True)
    (project / "shop_data" / "__init__.py").write_text("raise RuntimeError('imported')")
    (project / "shop_data" / "data" / "orders.csv").write_text("id\n2\n")
    monkeypatch.syspath_prepend(str(project))
    assert find_file(package("shop_data"), "data/orders.csv", project=project).read_text() == "id\n2\n"
    assert "shop_data" not in sys.modules


def test_a_package_that_is_missing_or_holds_no_files_is_told_with_the_next_step(project: Path) -> None:
    with pytest.raises(SourceError, match="pip install no_such_shop"):
        find_file(package("no_such_shop"), "data/orders.csv", project=project)
    with pytest.raises(SourceError, match="single module"):
        find_file(package("colorsys"), "data/orders.csv", project=project)
