"""Which versions of which packages are installed: the fingerprint that a release's manifest carries."""

from __future__ import annotations

from importlib.metadata import distributions

from palantir_assets.names import fingerprint


def lock_version() -> str:
    """A hash over the name and version of every installed distribution."""
    return fingerprint(sorted(f"{found.metadata['Name']}=={found.version}".lower() for found in distributions()))
