"""The numbers as a table, as JSON, and in the README: always from `results.json`, so that all three agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.catalogue import COMPARISONS, NUMBERS, Goal, Measured, Number

Language = Literal["en", "ko"]

RESULTS = Path(__file__).with_name("results.json")
ALL = (*NUMBERS, *COMPARISONS)
BEGIN, END = "<!-- numbers:begin -->", "<!-- numbers:end -->"
WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "heads": "Number|Goal|Measured|Reached",
        "peers": "Engine|CPU time|Peer|CPU time|Ratio|Goal|Reached",
        "how": "The engine beside its peers, at the same questions with the same answers; CPU time of the server a request. "
        "The ratio is ours ÷ theirs where the goal is a ceiling, theirs ÷ ours elsewhere.",
        "yes": "yes",
        "no": "**no**",
        "missing": "not measured",
        "machine": "Measured by `make bench` on {cores} cores and {memory_gb} GB ({processor}), "
        "Python {python}, DuckDB {duckdb}, Dagster {dagster}, {on}.",
    },
    "ko": {
        "heads": "항목|목표|측정값|달성",
        "peers": "엔진|CPU 시간|비교 대상|CPU 시간|비율|목표|달성",
        "how": "같은 질문과 같은 답에 대한 엔진과 비교 대상; 요청당 서버 CPU 시간. "
        "목표가 상한이면 비율은 우리 ÷ 상대, 그 밖에는 상대 ÷ 우리.",
        "yes": "예",
        "no": "**아니요**",
        "missing": "측정하지 않음",
        "machine": "`make bench`로 측정: 코어 {cores}개, 메모리 {memory_gb} GB ({processor}), "
        "Python {python}, DuckDB {duckdb}, Dagster {dagster}, {on}.",
    },
}


class BenchmarkError(Exception):
    """A measurement or a report that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured on one machine, by the key of the number."""

    machine: Mapping[str, Any]
    numbers: Mapping[str, Measured]

    def with_more(self, numbers: Mapping[str, Measured]) -> Results:
        return Results(self.machine, {**self.numbers, **numbers})

    @property
    def unreached(self) -> list[str]:
        """The keys of the numbers that were measured and miss their goal."""
        return [each.key for each in ALL if each.goal and each.key in self.numbers and not reached(each, self.numbers[each.key])]


def reached(number: Number, measured: Measured) -> bool:
    """Whether the value as it is shown keeps the goal: what a reader sees decides."""
    return number.goal is None or number.goal.is_reached(round(measured.value, number.digits))


def save(results: Results, path: Path = RESULTS) -> None:
    """Write results as JSON, the numbers in the order of the catalogue."""
    ordered = {each.key: asdict(results.numbers[each.key]) for each in ALL if each.key in results.numbers}
    path.write_text(json.dumps({"machine": dict(results.machine), "numbers": ordered}, indent=2, ensure_ascii=False) + "\n")


def load(path: Path = RESULTS) -> Results:
    """Results as they were written. Raises BenchmarkError if there are none that can be read."""
    try:
        content = json.loads(path.read_text())
        return Results(content["machine"], {key: Measured(**value) for key, value in content["numbers"].items()})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BenchmarkError(f"{path.name} cannot be read ({error!r}); run `python -m benchmarks` first") from error


def load_of(machine: Mapping[str, Any], path: Path = RESULTS) -> Results:
    """Results of this machine so far; empty where the file is missing or tells of another machine."""
    try:
        found = load(path)
    except BenchmarkError:
        return Results(machine, {})
    return found if dict(found.machine) == dict(machine) else Results(machine, {})


def table(results: Results, language: Language = "en") -> str:
    """Two Markdown tables, of the platform's numbers and of its engine's peers, under a line that tells the machine's size."""
    words = WORDS[language]
    on = max((each.on for each in results.numbers.values()), default="")
    numbers = [_row(number, results.numbers.get(number.key), language) for number in NUMBERS]
    peers = [_comparison(number, results.numbers.get(number.key), language) for number in COMPARISONS]
    own, beside = (_lines(words["heads"], "---|---:|---:|---", numbers), _lines(words["peers"], "---|---:|---|---:|---:|---:|---", peers))
    return "\n".join([words["machine"].format(**results.machine, on=on), "", *own, "", words["how"], "", *beside])


def fill(page: str, results: Results, language: Language) -> str:
    """A page with the block between its two markers replaced. Raises BenchmarkError where they are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchmarkError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table(results, language)}\n{END}{after}"


def _row(number: Number, measured: Measured | None, language: Language) -> list[str]:
    words = WORDS[language]
    goal = _goal(number, number.goal) if number.goal else ""
    name = number.ko if language == "ko" else number.en
    if measured is None:
        return [name, goal, words["missing"], ""]
    verdict = "" if number.goal is None else words["yes" if reached(number, measured) else "no"]
    return [name, goal, _value(number, measured.value), verdict]


def _comparison(number: Number, measured: Measured | None, language: Language) -> list[str]:
    words = WORDS[language]
    name, goal, value, verdict = _row(number, measured, language)
    sides = [_spent(measured.ours if measured else None), _peer(number, measured), _spent(measured.theirs if measured else None)]
    return [name, *sides, value if measured else words["missing"], goal, verdict]


def _peer(number: Number, measured: Measured | None) -> str:
    return f"{number.peer} {measured.version if measured else ''}".strip()


def _spent(microseconds: float | None) -> str:
    if microseconds is None:
        return ""
    for unit, size, digits in (("s", 1e6, 2), ("ms", 1e4, 1)):
        if microseconds >= size:
            return f"{microseconds / (1e6 if unit == 's' else 1e3):,.{digits}f} {unit}"
    return f"{microseconds:,.0f} µs"


def _lines(heads: str, rule: str, rows: list[list[str]]) -> list[str]:
    shown = (heads.split("|"), rule.split("|"), *rows)
    return [f"| {' | '.join(cells)} |" for cells in shown]


def _goal(number: Number, goal: Goal) -> str:
    sign = "≤" if goal.bound == "at most" else "≥"
    return f"{sign} {_with_unit(number, f'{goal.value:g}')}"


def _value(number: Number, value: float) -> str:
    return _with_unit(number, f"{value:,.{number.digits}f}")


def _with_unit(number: Number, text: str) -> str:
    return f"{text} {number.unit}".strip()
