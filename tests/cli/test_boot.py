from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.cli import boot
from palantir_assets.errors import SettingsError
from palantir_assets.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]


def test_a_folder_that_is_no_project_is_refused_with_a_next_step(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no ontology_specs and no dbt_project") as refused:
        boot.require_project(load_settings({}, project=tmp_path))
    assert "palantir init" in refused.value.advice


def test_a_state_folder_that_cannot_be_made_is_refused_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = load_settings({"PALANTIR_STATE": str(tmp_path / "file" / "state")}, project=tmp_path)
    with pytest.raises(SettingsError, match="Not a directory") as refused:
        boot.make_layout(settings)
    assert "PALANTIR_STATE" in refused.value.advice


def test_a_full_disk_is_refused_before_anything_starts(tmp_path: Path) -> None:
    import resource

    settings = load_settings({}, project=tmp_path)
    boot.make_layout(settings)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(SettingsError, match="cannot write to the state folder"):
            boot.make_layout(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_is_put_whole_and_left_alone_when_it_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "dagster.yaml"
    boot.put(file, b"one")
    written = file.stat()
    boot.put(file, b"one")
    assert file.stat().st_mtime_ns == written.st_mtime_ns
    boot.put(file, b"two")
    assert file.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [file]


def test_children_are_told_where_everything_is_and_to_be_quiet(settings: Settings) -> None:
    environment = boot.environment(settings)
    assert environment["DAGSTER_HOME"] == str(settings.dagster_home)
    assert load_settings(environment).state == settings.state
    assert environment["DO_NOT_TRACK"] == "1"


def test_make_switches_off_the_same_telemetry_as_the_boot() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name, value in boot.QUIET.items():
        assert f"export {name} := {value}\n" in makefile


def test_the_files_at_the_root_are_the_ones_that_are_shipped() -> None:
    for name in boot.CONFIGURATION:
        assert (ROOT / name).read_bytes() == (ROOT / "palantir_assets" / "cli" / name).read_bytes()
