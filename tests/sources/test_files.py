"""Files: a declared one is found in its package or project, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import Source
from palantir_assets.sources.fetching import fetch, fetcher_of
from palantir_assets.sources.files import find_files
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
    fetched = fetch(FILES, FILES.tables["orders"], project=project, into=RawFiles(tmp_path / "raw_files"))
    (kept,) = fetched.files
    assert (kept.name, kept.path.read_text()) == ("orders.csv", "id\n1\n")
    fetcher = fetcher_of(FILES, project=project)
    assert fetched.version == fetcher.version(FILES.tables["orders"], RawFiles(tmp_path)) == kept.sha256
    (project / "data" / "orders.csv").write_text("id\n2\n")
    assert fetcher.version(FILES.tables["orders"], RawFiles(tmp_path)) != kept.sha256


@pytest.mark.parametrize("file", ["../secret.csv", "data/../../secret.csv", "/etc/hostname", "..\\secret.csv"])
def test_a_path_out_of_the_project_is_refused(project: Path, file: str) -> None:
    with pytest.raises(SourceError, match="points out of its folder"):
        find_files(FILES, file, project=project)


def test_a_link_out_of_the_project_is_refused(project: Path, tmp_path: Path) -> None:
    (project / "data" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(SourceError, match="is a link out of"):
        find_files(FILES, "data/link.csv", project=project)


def test_a_missing_file_is_told_with_the_nearest_name(project: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no file 'data/order\.csv' in .*; did you mean 'orders\.csv'\?"):
        find_files(FILES, "data/order.csv", project=project)


def test_a_package_is_read_without_being_imported(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "shop_data" / "data").mkdir(parents=True)
    (project / "shop_data" / "__init__.py").write_text("raise RuntimeError('imported')")
    (project / "shop_data" / "data" / "orders.csv").write_text("id\n2\n")
    monkeypatch.syspath_prepend(str(project))
    (found,) = find_files(package("shop_data"), "data/orders.csv", project=project)
    assert found.read_text() == "id\n2\n"
    assert "shop_data" not in sys.modules


def test_a_package_that_is_missing_or_holds_no_files_is_told_with_the_next_step(project: Path) -> None:
    with pytest.raises(SourceError, match="pip install no_such_shop"):
        find_files(package("no_such_shop"), "data/orders.csv", project=project)
    with pytest.raises(SourceError, match="single module"):
        find_files(package("colorsys"), "data/orders.csv", project=project)


def test_a_pattern_finds_all_that_fit_in_their_order(project: Path) -> None:
    for name in ("orders-02.csv", "orders-01.csv", "notes.txt"):
        (project / "data" / name).write_text("id\n")
    (project / "data" / "orders-03.csv").mkdir()
    assert [path.name for path in find_files(FILES, "data/orders-*.csv", project=project)] == ["orders-01.csv", "orders-02.csv"]
    assert [path.name for path in find_files(FILES, "**/orders*.csv", project=project)] == ["orders-01.csv", "orders-02.csv", "orders.csv"]
    with pytest.raises(SourceError, match=r"no file in .* fits 'data/\*\.parquet'"):
        find_files(FILES, "data/*.parquet", project=project)


def test_a_pattern_leads_nowhere_out_of_the_project(project: Path, tmp_path: Path) -> None:
    (project / "data" / "orders-9.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(SourceError, match="is a link out of"):
        find_files(FILES, "data/orders-*.csv", project=project)
    with pytest.raises(SourceError, match="points out of its folder"):
        find_files(FILES, "../*.csv", project=project)
