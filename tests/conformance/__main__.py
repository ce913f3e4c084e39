"""The official client against a real server: every endpoint of its Ontologies namespace, operator by operator.

`endpoints` lists what the client knows, by introspection; the modules of cases ask and compare with what plain Python finds in
the rows of `world`; `report` is the table. `python -m tests.conformance` prints it, `--write` keeps it in the documentation.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.report import page, run, summary
from tests.conformance.server import served

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--all", action="store_true", help="print what has no meaning here, too")
    options = parser.parse_args()
    with TemporaryDirectory() as folder, served(Path(folder)) as asking:
        results = run(asking)
    for result in results:
        if options.all or result.status in ("passes", "fails"):
            print(f"{result.status:<16} {result.endpoint:<62} {result.operator:<44} {result.why}".rstrip())
    print(f"\n{summary(results)}")
    if options.write:
        PAGE.write_text(page(results), encoding="utf-8")
    return 1 if any(result.status == "fails" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
