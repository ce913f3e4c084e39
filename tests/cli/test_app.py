from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("dagster", "duckdb", "pandas", "torch", "fastapi", "sqlalchemy", "pyarrow", "numpy")


def palantir(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "palantir_assets.cli", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PALANTIR_")}
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "build",
        "serve",
        "check",
        "preview",
        "status",
        "doctor",
        "init",
        "erase",
        "release",
        "release list",
        "release activate",
        "specs schema",
    ],
)
def test_every_command_has_help(command: str) -> None:
    from typer.testing import CliRunner

    from palantir_assets.cli.app import app

    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


HELP = """
import sys
from palantir_assets.cli import main
sys.argv = ["palantir", "--help"]
try:
    main()
finally:
    print(sorted(sys.modules), file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert [name for name in HEAVY if f"'{name}'" in done.stderr] == []


def test_a_misspelt_setting_is_refused_with_a_next_step() -> None:
    done = palantir("status", PALANTIR_PROT="1")
    assert done.returncode == 1
    assert done.stderr == "error: unknown setting PALANTIR_PROT\nnext: `palantir doctor` lists the settings that exist\n"


def test_a_project_that_is_none_is_refused(tmp_path: Path) -> None:
    done = palantir("up", PALANTIR_PROJECT=str(tmp_path))
    assert done.returncode == 1
    assert "is no project" in done.stderr
    assert not (tmp_path / "var").exists()


def test_what_nobody_expected_leaves_its_traceback_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from palantir_assets.cli import console

    code = console.explain_unexpected(KeyError("owner"), tmp_path)
    (file,) = tmp_path.glob("palantir-error-*.log")
    assert code == 2
    assert "KeyError: 'owner'" in file.read_text()
    assert str(file) in capsys.readouterr().err


def test_status_of_a_new_project_makes_nothing_and_says_what_to_run(tmp_path: Path) -> None:
    done = palantir("status", PALANTIR_PROJECT=str(tmp_path), PALANTIR_PORT="1")
    assert done.returncode == 1
    assert "release   none yet; run `palantir up`" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_schema_accepts_a_file_of_the_template() -> None:
    import jsonschema
    import yaml

    schema = json.loads(palantir("specs", "schema").stdout)
    template = Path(__file__).parents[2] / "palantir_assets/cli/template/ontology_specs/shop"
    jsonschema.validate(yaml.safe_load((template / "customer.yaml").read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"object": "order", "colour": "red"}, schema)
