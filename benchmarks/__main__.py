"""`python -m benchmarks`: measure, keep the results, print the table; see the package's docstring."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import api, cold, coverage, links, plain, request, second
from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.machine import busy, this_machine
from benchmarks.processes import PROJECT
from benchmarks.report import RESULTS, BenchmarkError, Language, fill, load, load_of, save, table

Measure = Callable[[Bench], Mapping[str, Measured]]
MEASUREMENTS: Mapping[str, Measure] = {
    "cold": cold.measure,
    "second": second.measure,
    "api": api.measure,
    "links": links.measure,
    "request": request.measure,
    "plain": plain.measure,
    "coverage": coverage.measure,
}
PAGES: Mapping[str, Language] = {"README.md": "en", "README.ko.md": "ko"}
QUIET_LOAD = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every goal that was measured is reached, 1 if one is missed, 2 if something could not be measured."""
    asked = _parser().parse_args(arguments)
    try:
        return _write_pages(asked.json) if asked.readme else _measure(asked)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure every number that the README quotes.")
    names = ",".join(MEASUREMENTS)
    parser.add_argument("--only", type=_names, default=list(MEASUREMENTS), metavar="A,B", help=f"some of {names}")
    parser.add_argument("--pairs", type=int, default=2, metavar="N", help="asset graph and plain script run N times each, in turn")
    parser.add_argument("--state", type=Path, metavar="DIR", help="a state folder with a release, instead of building one")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the work folder, with what everything printed")
    parser.add_argument("--readme", action="store_true", help="measure nothing: fill the README's table from the results")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(MEASUREMENTS)}")
    return [name for name in MEASUREMENTS if name in names]


def _measure(asked: argparse.Namespace) -> int:
    began, work = time.monotonic(), Path(tempfile.mkdtemp(prefix="palantir-bench-"))
    part = ""

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {part}: {text}", file=sys.stderr, flush=True)

    bench = Bench(work, say, asked.pairs, given=asked.state.resolve() if asked.state else None)
    results = load_of(this_machine().to_json(), asked.json)
    try:
        for part in asked.only:
            say(f"begins, load {busy():.1f}" + (": other work on this machine will slow it down" if busy() > QUIET_LOAD else ""))
            results = results.with_more(MEASUREMENTS[part](bench))
            save(results, asked.json)
    finally:
        if asked.keep:
            print(f"kept {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    print(table(results))
    return 1 if results.unreached else 0


def _write_pages(results: Path) -> int:
    found = load(results)
    for name, language in PAGES.items():
        page = PROJECT / name
        try:
            page.write_text(fill(page.read_text(), found, language))
        except BenchmarkError as error:
            raise BenchmarkError(f"{name}: {error}") from error
        print(f"{name}: numbers of {results.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
