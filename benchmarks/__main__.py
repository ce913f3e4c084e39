"""`python -m benchmarks`: measure, keep the results, print the table; see the package's docstring."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import api, cold, coverage, links, plain, second, writes
from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.engine import arrays, control, growth, walks, web
from benchmarks.machine import busy, this_machine
from benchmarks.processes import PROJECT
from benchmarks.report import RESULTS, BenchmarkError, Language, fill, load, load_of, save, table

Measure = Callable[[Bench], Mapping[str, Measured]]
MEASUREMENTS: Mapping[str, Measure] = {
    "cold": cold.measure,
    "second": second.measure,
    "api": api.measure,
    "links": links.measure,
    "plain": plain.measure,
    "coverage": coverage.measure,
    "edits": writes.edits,
    "policies": writes.ruled,
    "ledger": writes.acknowledged,
}
ENGINE: Mapping[str, Measure] = {
    "object": web.keyed,
    "linked": web.linked,
    "filter": web.filtered,
    "aggregate": web.grouped,
    "around": walks.around,
    "path": walks.paths,
    "build": arrays.measure,
    "growth": growth.measure,
}
CONTROLS: Mapping[str, Measure] = {"control before": control.before, "control after": control.after}
PARTS = {**MEASUREMENTS, **ENGINE}
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
    names = ",".join(PARTS)
    parser.add_argument(
        "--only", type=_names, default=list(PARTS), metavar="A,B", help=f"some of {names}; or engine, which is {','.join(ENGINE)}"
    )
    parser.add_argument("--pairs", type=int, default=2, metavar="N", help="asset graph and plain script run N times each, in turn")
    parser.add_argument("--state", type=Path, metavar="DIR", help="a state folder with a release, instead of building one")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the work folder, with what everything printed")
    parser.add_argument("--readme", action="store_true", help="measure nothing: fill the README's table from the results")
    return parser


def _names(text: str) -> list[str]:
    names = [name for part in text.split(",") for name in (ENGINE if part == "engine" else [part])]
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(PARTS)}, engine")
    return [name for name in PARTS if name in names]


def _with_controls(names: Sequence[str]) -> list[str]:
    """The control before the first row of the engine and after the last; that family stands together, at the end."""
    rows = [name for name in names if name in ENGINE]
    before, after = CONTROLS
    return [*(name for name in names if name not in ENGINE), *([before, *rows, after] if rows else [])]


def _measure(asked: argparse.Namespace) -> int:
    began, work = time.monotonic(), Path(tempfile.mkdtemp(prefix="palantir-bench-"))
    part = ""

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {part}: {text}", file=sys.stderr, flush=True)

    bench = Bench(work, say, asked.pairs, given=asked.state.resolve() if asked.state else None)
    results, failed = load_of(this_machine().to_json(), asked.json), list[str]()
    try:
        for part in _with_controls(asked.only):
            say(f"begins, load {busy():.1f}" + (": other work on this machine will slow it down" if busy() > QUIET_LOAD else ""))
            try:
                results = results.with_more({**PARTS, **CONTROLS}[part](bench))
            except BenchmarkError as error:
                if part not in ENGINE:
                    raise
                failed.append(f"{part}: {error}")
                say(f"not measured: {error}")
            save(results, asked.json)
    finally:
        bench.closing.close()
        if asked.keep:
            print(f"kept {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    print(table(results))
    for problem in failed:
        print(f"error: {problem}", file=sys.stderr)
    return 2 if failed else 1 if results.unreached else 0


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
