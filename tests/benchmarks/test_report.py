"""The table of measured numbers: the same figures on the screen, in the file and in both READMEs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import _names, _with_controls, main
from benchmarks.catalogue import COMPARISONS, NUMBERS, Measured, at_least, at_most
from benchmarks.report import BEGIN, END, BenchmarkError, Results, fill, load, load_of, reached, save, table

MACHINE = {"cores": 2, "memory_gb": 8, "processor": "Some CPU", "python": "3.11.9", "duckdb": "1.5.5", "dagster": "1.13.27"}
RESULTS = Results(
    MACHINE,
    {
        "cold_seconds": Measured(119.96, "2026-01-02"),
        "second_seconds": Measured(20.31, "2026-01-03"),
        "second_rebuilt": Measured(0, "2026-01-03"),
        "plain_seconds": Measured(1234.6, "2026-01-01", "a note"),
        "object_bare": Measured(2.514, "2026-01-02", ours=251.4, theirs=100),
        "filter_postgresql": Measured(1.94, "2026-01-02", ours=6_000, theirs=11_640),
        "build_ladybug": Measured(5, "2026-01-02", ours=420_000, theirs=2_100_000, version="0.22.0"),
        "growth_memory": Measured(399.6, "2026-01-02"),
    },
)


def row(text: str, name: str) -> list[str]:
    line, *_ = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_tells_goal_value_and_whether_it_is_reached() -> None:
    shown = table(RESULTS)
    assert row(shown, "Empty state folder to a served release")[1:] == ["≤ 120 s", "120.0 s", "yes"]
    assert row(shown, "Second run, nothing changed, to served")[1:] == ["≤ 20 s", "20.3 s", "**no**"]
    assert row(shown, "… assets it rebuilt")[1:] == ["≤ 0", "0", "yes"]


def test_a_number_without_a_goal_has_no_verdict() -> None:
    assert row(table(RESULTS), "… plain script")[1:] == ["", "1,234.6 s", ""]


def test_a_number_that_was_not_measured_is_said_so() -> None:
    assert row(table(RESULTS), "Graph arrays, bytes a link")[1:] == ["≤ 50 B", "not measured", ""]
    assert row(table(RESULTS), "Shortest path, p50, any two objects")[1:] == ["", "networkx", "", "not measured", "≥ 20 ×", ""]


def test_a_comparison_tells_both_sides_and_how_they_compare() -> None:
    shown = table(RESULTS)
    assert row(shown, "Object by key, bare route")[1:] == ["251 µs", "Starlette hello", "100 µs", "2.51 ×", "≤ 2.5 ×", "**no**"]
    assert row(shown, "Graph build, wall time")[1:] == ["420.0 ms", "ladybug 0.22.0", "2.10 s", "5.0 ×", "≥ 5 ×", "yes"]


def test_a_comparison_that_falls_short_by_less_than_is_shown_counts_as_shown() -> None:
    assert row(table(RESULTS), "Filter, sort, 50 rows")[1:] == ["6,000 µs", "PostgreSQL", "11.6 ms", "1.9 ×", "≥ 2 ×", "**no**"]


def test_what_has_no_other_side_is_told_by_itself() -> None:
    name = "Worker's anonymous memory, 10 × the flights"
    assert row(table(RESULTS), name)[1:] == ["", "", "", "400 MB", "≤ 400 MB", "yes"]


def test_every_number_has_a_row_and_the_machine_a_line() -> None:
    lines = table(RESULTS).splitlines()
    assert len(lines) == 4 + len(NUMBERS) + 5 + len(COMPARISONS)
    assert "2 cores and 8 GB (Some CPU)" in lines[0] and lines[0].endswith("2026-01-03.")


def test_both_languages_show_the_same_figures() -> None:
    english, korean = table(RESULTS, "en"), table(RESULTS, "ko")
    figures = re.compile(r"[≤≥] [\d.]+|\d[\d,]*\.?\d* (?:s|ms|µs)\b")
    assert figures.findall(english) == figures.findall(korean) != []
    assert "| 아니요" not in english and "**아니요**" in korean


@pytest.mark.parametrize(("value", "kept"), [(119.9, True), (120.04, True), (120.06, False)])
def test_a_goal_is_judged_by_the_figure_that_is_shown(value: float, kept: bool) -> None:
    assert reached(NUMBERS[0], Measured(value, "2026-01-01")) is kept


def test_goals_are_kept_from_both_sides() -> None:
    assert at_most(3).is_reached(3) and not at_most(3).is_reached(3.1)
    assert at_least(80).is_reached(80) and not at_least(80).is_reached(79.9)


def test_the_keys_of_the_catalogue_are_unique_and_named_in_both_languages() -> None:
    numbers = (*NUMBERS, *COMPARISONS)
    assert len({number.key for number in numbers}) == len(numbers)
    assert all(number.en and re.search("[가-힣]", number.ko) for number in numbers)


def test_results_come_back_as_they_were_saved(tmp_path: Path) -> None:
    save(RESULTS, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == RESULTS
    assert RESULTS.unreached == ["second_seconds", "object_bare", "filter_postgresql"]


def test_results_of_another_machine_are_not_added_to(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    save(RESULTS, file)
    assert load_of(MACHINE, file).numbers == RESULTS.numbers
    assert load_of({**MACHINE, "cores": 64}, file).numbers == {}
    assert load_of(MACHINE, tmp_path / "none.json").numbers == {}


def test_results_that_cannot_be_read_are_an_error_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"machine": {}}')
    with pytest.raises(BenchmarkError, match="python -m benchmarks"):
        load(tmp_path / "results.json")


def test_a_page_is_filled_between_its_markers_and_nowhere_else() -> None:
    page = f"# Title\n\n{BEGIN}\nyesterday\n{END}\n\nThe end.\n"
    filled = fill(page, RESULTS, "en")
    assert filled.startswith(f"# Title\n\n{BEGIN}\nMeasured by") and filled.endswith(f"|\n{END}\n\nThe end.\n")
    assert "yesterday" not in filled
    assert fill(filled, RESULTS, "en") == filled


def test_both_readmes_are_filled_from_the_same_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.__main__.PROJECT", tmp_path)
    save(RESULTS, tmp_path / "results.json")
    for name in ("README.md", "README.ko.md"):
        (tmp_path / name).write_text(f"{BEGIN}\n{END}\n")
    assert main(["--readme", "--json", str(tmp_path / "results.json")]) == 0
    assert (tmp_path / "README.md").read_text() == f"{BEGIN}\n{table(RESULTS)}\n{END}\n"
    assert (tmp_path / "README.ko.md").read_text() == f"{BEGIN}\n{table(RESULTS, 'ko')}\n{END}\n"


def test_no_results_are_told_in_words_and_by_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--readme", "--json", str(tmp_path / "results.json")]) == 2
    assert "error: results.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("page", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}"])
def test_a_page_without_both_markers_is_refused(page: str) -> None:
    with pytest.raises(BenchmarkError, match="numbers:begin"):
        fill(page, RESULTS, "ko")


def test_a_measurement_that_does_not_exist_is_refused_with_the_names_of_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "cold,warm"])
    assert (
        "'warm' is none of cold, second, api, links, plain, coverage, edits, policies, ledger, object, linked, filter"
        in capsys.readouterr().err
    )


def test_the_engines_rows_stand_together_between_their_controls() -> None:
    chosen = _with_controls(_names("engine,links"))
    assert chosen[:3] == ["links", "control before", "object"] and chosen[-2:] == ["growth", "control after"]
    assert _with_controls(["links", "api"]) == ["links", "api"]
