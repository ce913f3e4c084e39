"""`palantir`: prints what the functions below return, and decides nothing.

Reading order: `app` (the commands) → `boot` (from an empty folder to one that everything starts on) →
`build` (a build, told and recorded) → `up` (everything at once) with `supervisor`, `leash`, `building`,
`probe` and `ports` → the small commands: `checking`, `status`, `releases`, `doctor`, `project`.
Heavy imports happen inside the commands: `palantir --help` is quick.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The console script. Exit codes: 0 done, 1 refused with a next step, 2 not expected (or a usage error)."""
    from palantir_assets.cli.app import run

    sys.exit(run())
