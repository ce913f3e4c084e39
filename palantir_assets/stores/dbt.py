"""The dbt project, by its command line: parsed into a manifest when its text changed, shown, documented.

dbt runs as a subprocess, since its adapter keeps the warehouse open in the process that loads it. How its
models become assets is decided in `assets.tables`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from palantir_assets.errors import BuildError

PARSED: Final = "partial_parse.msgpack"
KEPT_RUNS: Final = 20
_IGNORED: Final = frozenset({"target", "logs", "dbt_packages", ".user.yml"})
_QUIET: Final = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True, slots=True)
class DbtFolder:
    """A dbt project on disk, the folder its results go to, and the warehouse it works on."""

    project: Path
    target: Path
    warehouse: Path

    @property
    def executable(self) -> str:
        """The dbt that was installed beside this Python."""
        return str(Path(sys.executable).with_name("dbt"))

    def environment(self) -> dict[str, str]:
        """The variables that dbt needs beside the inherited ones; `profiles.yml` reads the first."""
        return {"PALANTIR_WAREHOUSE": str(self.warehouse), **_QUIET}

    def export_environment(self) -> None:
        """Set those variables for a dbt that another library starts from this process."""
        os.environ.update(self.environment())

    def manifest(self) -> Mapping[str, Any]:
        """The parsed project. Parsing costs seconds, so it is done only when the project's text has changed."""
        stamp, wanted = self.target / "parsed.sha256", self._fingerprint()
        manifest = self.target / "manifest.json"
        if not (manifest.exists() and stamp.exists() and stamp.read_text() == wanted):
            self.run(["parse", "--quiet"])
            stamp.write_text(wanted)
        found: Mapping[str, Any] = json.loads(manifest.read_bytes())
        return found

    def run_folder(self, run_id: str) -> Path:
        """A fresh target folder for one run; of the older ones the newest stay, with what dbt wrote, the rest go."""
        runs = self.target / "runs"
        older = sorted((entry for entry in runs.glob("*") if entry.is_dir()), key=lambda entry: entry.stat().st_mtime, reverse=True)
        for entry in older[KEPT_RUNS - 1 :]:
            shutil.rmtree(entry, ignore_errors=True)
        target = runs / run_id
        self.lend_parsed(target)
        return target

    def lend_parsed(self, target: Path) -> None:
        """Give another target folder what was parsed last, so that dbt reads only what has changed since."""
        parsed = self.target / PARSED
        if parsed.exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(parsed, target / PARSED)

    def run(self, arguments: Sequence[str]) -> str:
        """Run one dbt command; returns what it printed. Raises BuildError with dbt's own words."""
        self.target.mkdir(parents=True, exist_ok=True)
        where = ["--project-dir", str(self.project), "--profiles-dir", str(self.project), "--target-path", str(self.target)]
        command = [self.executable, "--no-use-colors", "--log-path", str(self.target / "logs"), *arguments, *where]
        done = subprocess.run(command, env={**os.environ, **self.environment()}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise BuildError(
                f"dbt {arguments[0]} failed:\n{said[-3_000:]}", next_step="mend the model named above, then run `palantir check`"
            )
        return done.stdout

    def _fingerprint(self) -> str:
        """A hash of every file of the project, the dbt version's pin aside."""
        if not (self.project / "dbt_project.yml").is_file():
            raise BuildError(f"there is no dbt_project.yml in {self.project}", next_step="`palantir init DIR` writes a minimal project")
        digest = hashlib.sha256(str(self.warehouse).encode())
        for file in sorted(path for path in self.project.rglob("*") if path.is_file()):
            relative = file.relative_to(self.project)
            if not _IGNORED & set(relative.parts):
                digest.update(f"{relative}\0".encode() + file.read_bytes() + b"\0")
        return digest.hexdigest()
