"""What the API process is: free of the build side, and clear about a port it cannot have. How quickly it starts is benchmarked."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from palantir_assets.errors import SettingsError
from palantir_assets.serving.app import serve
from tests.fakes.shop_release import settings_in

BUILD_SIDE = (
    "dagster",
    "dbt",
    "mlflow",
    "great_expectations",
    "torch",
    "sklearn",
    "sentence_transformers",
    "pandas",
    "networkx",
    "scipy",
    "matplotlib",
)
START = """
import sys
import palantir_assets.serving.app, palantir_assets.stores.ledger
print("imported", *sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def test_the_api_imports_none_of_the_build_side() -> None:
    told = subprocess.run([sys.executable, "-c", START, *BUILD_SIDE], capture_output=True, text=True, check=True).stdout.split()
    assert told == ["imported"]


def test_an_occupied_port_is_told_with_the_next_step(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} of 127\.0\.0\.1 is in use\n  next: .*PALANTIR_PORT"):
            serve(replace(settings_in(tmp_path), port=port))


def test_an_address_of_another_machine_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PALANTIR_HOST"):
        serve(replace(settings_in(tmp_path), host="192.0.2.1", port=1))
