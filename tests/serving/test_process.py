"""What the API process is: free of the build side, and clear about a port it cannot have. How quickly it starts is benchmarked."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from palantir_assets.errors import SettingsError
from palantir_assets.serving.app import serve
from tests.fakes.shop_release import settings_in
from tests.observability.loki_server import loki

SERVE = "from palantir_assets.serving.app import serve; from palantir_assets.settings import load_settings; serve(load_settings())"
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


@pytest.fixture(autouse=True)
def _other_tests_keep_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that serves does without it for good; the one that tests runs other tests too."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))


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


def test_a_signal_ends_the_process_only_after_its_last_line_went_to_loki(tmp_path: Path) -> None:
    with loki() as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        ours = {"PALANTIR_PROJECT": str(tmp_path), "PALANTIR_PORT": str(port), "PALANTIR_LOKI_URL": server.url}
        others = {name: value for name, value in os.environ.items() if not name.startswith("PALANTIR_")}
        with subprocess.Popen([sys.executable, "-c", SERVE], env={**others, **ours}, stderr=subprocess.PIPE, text=True) as process:
            try:
                statuses = [asked(port, "/healthz") for _ in range(20)]
            finally:
                process.terminate()
            said = process.communicate(timeout=60)[1].splitlines()
    told = [json.loads(line) for line in said if line.startswith("{")]
    sent = [json.loads(line) for line in server.lines()]
    assert statuses == [503] * 20 == [line["status"] for line in told if line["message"] == "request"]
    assert len(sent) == len(told) and {line["message"] for line in told} > {"request"}
    assert {stream["service"] for stream in server.streams()} == {"api"} and server.refusals == []


def asked(port: int, path: str) -> int:
    """The status of an answer, as soon as there is one."""
    end = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert time.monotonic() < end, "it does not listen"
            time.sleep(0.05)
        finally:
            connection.close()
