"""`python -m palantir_assets.cli`: the same as `palantir`, without needing its script on the PATH."""

from __future__ import annotations

from palantir_assets.cli import main

if __name__ == "__main__":
    main()
