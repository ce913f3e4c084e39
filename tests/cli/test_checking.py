"""`palantir check` tells what it found, and what it could not look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palantir_assets.assets import problems
from palantir_assets.assets.problems import Findings
from palantir_assets.cli import boot, checking
from palantir_assets.errors import Place, Problem
from palantir_assets.settings import Settings


@pytest.fixture
def found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in boot.environment(settings).items():  # a check sets them; this restores them
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boot, "require_project", lambda _: None)
    return settings


def test_columns_nobody_can_know_are_no_problem_and_are_told(
    found: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(problems, "look_over", lambda _: Findings((), ("marts.orders",)))
    assert checking.check(found, as_json=False) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "note: the columns of marts.orders are not known before it is made" in told.err
    assert "everything holds together" in told.err


def test_a_note_is_told_and_is_no_problem(found: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    note = Problem("nobody may read", Place(Path("order.yaml"), 1), "write `default`")
    monkeypatch.setattr(problems, "look_over", lambda _: Findings((), notes=(note,)))
    assert checking.check(found, as_json=False) == 0
    told = capsys.readouterr()
    assert (told.out, "note: order.yaml:1: nobody may read; write `default`" in told.err) == ("", True)


def test_a_problem_is_an_exit_code_and_json_has_its_place(
    found: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem("it is wrong", Place(Path("order.yaml"), 3), "mend it")
    monkeypatch.setattr(problems, "look_over", lambda _: Findings((problem,)))
    assert checking.check(found, as_json=True) == 1
    assert json.loads(capsys.readouterr().out) == [{"message": "it is wrong", "file": "order.yaml", "line": 3, "hint": "mend it"}]
