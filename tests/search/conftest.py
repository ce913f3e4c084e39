"""The real encoder, exported once for these versions and kept in pytest's cache folder between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.search.encoding import OnnxEncoder, open_encoder
from palantir_assets.search.exporting import ensure_encoder


@pytest.fixture(scope="session")
def encoder_folder(request: pytest.FixtureRequest) -> Path:
    return ensure_encoder(request.config.cache.mkdir("encoder"))


@pytest.fixture(scope="session")
def encoder(encoder_folder: Path) -> OnnxEncoder:
    return open_encoder(encoder_folder)
