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


def dg(*arguments: str) -> subprocess.Popen[str]:
    """Start one of its commands in the root of this repository."""
    command = [str(Path(sys.executable).with_name("dg")), *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_dg_checks_the_definitions_and_lists_every_asset_with_its_group_and_every_job(shop: Shop) -> None:
    with dg("check", "defs") as checking, dg("list", "defs", "--json") as listing:
        said, complained = checking.communicate()
        assert checking.returncode == 0, complained
        assert "All definitions loaded successfully." in said + complained

        listed, complained = listing.communicate()
        assert listing.returncode == 0, complained
    found = json.loads(listed[listed.index("{") :])
    assert {asset["asset_key"] for asset in found["assets"]} == EVERY_ASSET
    assert {asset["group_name"] for asset in found["assets"] if asset["asset_key"].startswith("objects/")} == {"objects"}
    assert {job["name"] for job in found["jobs"]} == {"refresh", "ingest", "model", "publish", "check"}
