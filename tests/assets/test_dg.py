"""Dagster's own command line finds the definitions of whatever project the settings name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.assets.shop import BUILDS, EVERY_ASSET, Shop

pytestmark = BUILDS
ROOT = Path(__file__).parents[2]


def dg(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("dg")), *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)


def test_dg_checks_the_definitions(shop: Shop) -> None:
    done = dg("check", "defs")
    assert done.returncode == 0, done.stderr
    assert "All definitions loaded successfully." in done.stdout + done.stderr


def test_dg_lists_every_asset_with_its_group_and_every_job(shop: Shop) -> None:
    done = dg("list", "defs", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert {asset["key"] for asset in found["assets"]} == EVERY_ASSET
    assert {asset["group"] for asset in found["assets"] if asset["key"].startswith("objects/")} == {"objects"}
    assert {job["name"] for job in found["jobs"]} == {"refresh", "ingest", "model", "publish", "check"}
