"""A function runs apart from the service, within its limits, and out of the release it was sealed into."""

from __future__ import annotations

import logging
import os
import socket
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.engine.visibility import seen_by
from palantir_assets.errors import (
    FunctionFailed,
    FunctionResultInvalid,
    FunctionsBusy,
    FunctionTooLarge,
    FunctionTooSlow,
    UnknownName,
)
from palantir_assets.functions.processes import environment
from palantir_assets.functions.running import Functions, Limits
from palantir_assets.release.editing import EditedRelease, Opened, with_nothing
from tests.fakes.release import VIEWER
from tests.functions.conftest import FUNCTIONS, SOURCE, Shop, sealed

Running = Callable[[Limits], Shop]


def test_a_function_gives_its_value(functions_shop: Shop) -> None:
    assert functions_shop.call("add", left=2, right=3) == 5


def test_a_function_asks_its_release_and_knows_which_it_is(functions_shop: Shop) -> None:
    assert functions_shop.call("release") == f"{functions_shop.release.id} 250 250"


def test_a_function_or_version_that_is_not_there_is_named_with_the_nearest(functions_shop: Shop) -> None:
    with pytest.raises(UnknownName, match="unknown function 'ad'; did you mean 'add'"):
        functions_shop.call("ad", left=1, right=2)
    with pytest.raises(UnknownName, match=r"unknown function version 'add:2\.0\.0'; did you mean 'add:1\.0\.0'"):
        functions_shop.release.ontology.find_function("add", "2.0.0")
    assert functions_shop.release.ontology.find_function("add", "1.0.0").name == "add"


@pytest.mark.parametrize("name", ["endless", "endless_in_c"])
def test_a_function_that_does_not_end_is_ended_at_its_time_limit_and_the_next_call_is_answered(functions_shop: Shop, name: str) -> None:
    functions_shop.call("add", left=1, right=1)
    began = time.monotonic()
    with pytest.raises(FunctionTooSlow, match=rf"{name} took longer than 0\.3 s and was ended\n  next: ask for less"):
        functions_shop.call(name)
    assert time.monotonic() - began < 60
    assert functions_shop.call("add", left=1, right=1) == 2


@pytest.mark.parametrize("how", ["at once", "numpy", "slowly"])
def test_a_function_that_wants_all_memory_is_ended_and_the_next_call_is_answered(functions_shop: Shop, how: str) -> None:
    with pytest.raises(FunctionTooLarge, match="more memory than a function gets"):
        functions_shop.call("hog", how=how)
    assert functions_shop.call("add", left=1, right=1) == 2


def test_an_exception_tells_its_first_line_and_the_log_has_the_rest(functions_shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(FunctionFailed) as caught:
        functions_shop.call("raiser")
    assert caught.value.message == "the function raiser failed: ValueError: the amount of 주문 7 is negative"
    (record,) = [vars(each) for each in caplog.records if each.name == "palantir_assets.functions.running"]
    assert "and this stays in the log" in record["traceback"]
    assert (record["function"], record["version"], record["release_id"]) == ("raiser", "1.0.0", functions_shop.release.id)


def test_what_a_function_prints_goes_to_the_log_and_disturbs_nothing(functions_shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert functions_shop.call("printer") == 1
    (record,) = [vars(each) for each in caplog.records if each.getMessage() == "a function printed"]
    assert record["printed"].startswith("hello from inside\nxxx")
    assert len(record["printed"]) <= 4_000


@pytest.mark.parametrize(
    ("how", "told"),
    [("exit", "SystemExit: 3"), ("at once", r"ended its process \(exit status 7\)"), ("crash", r"\(signal SIGSEGV\)|may not")],
)
def test_a_function_that_ends_its_process_has_failed_and_the_next_call_is_answered(functions_shop: Shop, how: str, told: str) -> None:
    with pytest.raises(FunctionFailed, match=told):
        functions_shop.call("ender", how=how)
    assert functions_shop.call("add", left=1, right=1) == 2


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("text", "its result is str instead of integer"),
        ("none", "its result is None and is not declared optional"),
        ("yes", "its result is bool True instead of integer"),
        ("large", "its result is int 2147483648 instead of integer"),
        ("nan", "its result is float nan instead of integer"),
        ("list", "its result is list instead of integer"),
    ],
)
def test_a_result_of_another_type_is_the_authors_error(functions_shop: Shop, what: str, told: str) -> None:
    with pytest.raises(FunctionResultInvalid, match=told):
        functions_shop.call("shape", what=what)


def test_a_result_that_is_too_long_is_refused_and_the_next_call_is_answered(functions_shop: Shop) -> None:
    with pytest.raises(FunctionResultInvalid, match="too long"):
        functions_shop.call("long_result")
    assert functions_shop.call("add", left=1, right=1) == 2


def test_what_is_no_object_is_in_no_set(functions_shop: Shop) -> None:
    with pytest.raises((FunctionResultInvalid, FunctionFailed), match="no_set"):
        functions_shop.call("no_set")
    assert functions_shop.call("add", left=1, right=1) == 2


def test_a_function_that_the_source_lacks_is_told(functions_shop: Shop) -> None:
    with pytest.raises(FunctionFailed, match=r"NameError: shop\.py has no function missing"):
        functions_shop.call("missing")


def test_files_sockets_and_processes_are_kept_from_a_function(functions_shop: Shop, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        for what, where in (
            *(("write", tmp_path / "new"), ("append", mine), ("read", mine), ("remove", mine), ("run", tmp_path / "new")),
            *(("socket", port), ("fork", ""), ("write", functions_shop.release.folder / "manifest.json"), ("read", __file__)),
        ):
            with pytest.raises(FunctionFailed, match="PermissionError: a function may not"):
                functions_shop.call("mischief", what=what, where=str(where))
    assert mine.read_text() == "mine"
    assert not (tmp_path / "new").exists()


def test_a_function_reads_its_release_and_imports_what_is_installed(functions_shop: Shop) -> None:
    manifest = functions_shop.release.folder / "manifest.json"
    assert functions_shop.call("mischief", what="read", where=str(manifest)) == manifest.read_text()
    assert functions_shop.call("mischief", what="import", where="") == "2"
    assert functions_shop.call("mischief", what="listen", where="") == ""


def test_a_function_sees_nothing_of_the_environment(functions_shop: Shop, monkeypatch: pytest.MonkeyPatch, running: Running) -> None:
    monkeypatch.setenv("PALANTIR_LEDGER_URL", "postgresql://app:hunter2@db/ledger")
    seen = running(Limits()).call("mischief", what="environment", where="")
    assert set(str(seen).split(",")) == set(environment(os.environ))
    assert not any("PALANTIR" in name or "SECRET" in name for name in str(seen).split(","))


def test_what_one_call_leaves_is_gone_at_the_next(functions_shop: Shop) -> None:
    assert [functions_shop.call("leaves_something") for _ in range(3)] == [1, 1, 1]


def test_a_thread_that_goes_on_after_its_call_ends_with_its_process(functions_shop: Shop) -> None:
    first, second = functions_shop.call("leaves_a_thread"), functions_shop.call("leaves_a_thread")
    assert isinstance(first, int)
    assert first != second
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_function_sees_edits_that_are_only_planned_and_the_next_call_does_not(functions_shop: Shop) -> None:
    def orders(*planned: ObjectEdit, over: Opened = functions_shop.release) -> str:
        told = functions_shop.functions.call(over, functions_shop.view, "release", {}, planned=planned)
        return str(told).partition(" ")[2]

    gone, changed = ObjectEdit("delete", "order", "3"), ObjectEdit("modify", "order", "1", {"note": "planned"}, {"note": None})
    edited = with_nothing(functions_shop.release).with_edits([(1, ObjectEdit("delete", "order", "4"))])
    for _ in range(2):
        assert (orders(gone), orders(), orders(gone, changed, over=edited), orders(over=edited)) == (
            "249 249",
            "250 250",
            "248 248",
            "249 249",
        )
    told = functions_shop.functions.call(edited, functions_shop.view, "echo", {"order": 1}, planned=[changed])
    assert "'note': 'planned'" in str(told)


def test_a_worker_that_was_asked_with_sql_stays_for_the_next_call(functions_shop: Shop) -> None:
    assert functions_shop.call("process") == functions_shop.call("process")


def test_why_a_worker_cannot_start_stands_in_the_log(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    package = tmp_path / "palantir_assets"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('half an installation')")
    monkeypatch.setattr("palantir_assets.functions.processes.environment", lambda ours: {"PYTHONPATH": str(tmp_path)})
    shop = running(Limits())
    with pytest.raises(FunctionFailed, match=r"ended its process \(exit status 1\)"):
        shop.call("add", left=1, right=1)
    assert "half an installation" in caplog.text


def test_only_the_source_that_was_sealed_runs(tmp_path: Path, running: Running) -> None:
    shop = running(Limits())
    release = sealed(shop.settings, SOURCE.replace("self.left + self.right", "-1"), orders=7)
    try:
        file = release.folder / "functions" / "shop.py"
        changed = file.read_text().replace("-1", "-2")
        file.unlink()
        file.write_text(changed)
        with pytest.raises(FunctionFailed, match=r"functions/shop\.py is not the file that was sealed in release"):
            shop.functions.call(release, seen_by(VIEWER, release), "add", {"left": 2, "right": 3})
    finally:
        release.close()


def test_several_releases_are_answered_by_one_worker_each_with_its_own_source_and_objects(running: Running) -> None:
    shop = running(Limits())
    others = [sealed(shop.settings, SOURCE.replace("self.left + self.right", str(number)), orders=number) for number in (5, 6)]
    try:
        for _ in range(2):
            assert shop.call("add", left=2, right=3) == 5
            for number, release in zip((5, 6), others, strict=True):
                assert shop.functions.call(release, seen_by(VIEWER, release), "add", {"left": 9, "right": 9}) == number
                assert shop.functions.call(release, seen_by(VIEWER, release), "release", {}) == f"{release.id} {number} {number}"
    finally:
        for release in others:
            release.close()


def test_calls_beyond_the_queue_are_refused_and_those_within_it_answered(running: Running) -> None:
    shop = running(Limits(workers=1, waiting=1))
    shop.call("add", left=1, right=1)
    told: list[object] = []

    def ask() -> None:
        try:
            told.append(shop.call("sleeper", seconds=1.0))
        except FunctionsBusy as error:
            told.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(each).split("\n")[0] for each in told) == [
        "awake",
        "awake",
        *["the function sleeper was not run: 2 calls run or wait already"] * 2,
    ]


def test_a_call_waits_no_longer_than_its_patience(running: Running) -> None:
    shop = running(Limits(patience=0.2))
    shop.call("add", left=1, right=1)
    thread = threading.Thread(target=lambda: shop.call("sleeper", seconds=1.5))
    thread.start()
    time.sleep(0.3)
    with pytest.raises(FunctionsBusy, match=r"others took longer than 0\.2 s"):
        shop.call("add", left=1, right=1)
    thread.join()


def test_two_workers_run_two_calls_at_once(running: Running) -> None:
    shop = running(Limits(workers=2))
    threads = [threading.Thread(target=lambda: shop.call("sleeper", seconds=0.3)) for _ in range(2)]
    shop.call("add", left=1, right=1)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = [threading.Thread(target=lambda: shop.call("sleeper", seconds=3.0)) for _ in range(2)]
    began = time.monotonic()
    for thread in again:
        thread.start()
    for thread in again:
        thread.join()
    assert time.monotonic() - began < 6.0, "one after the other"


def test_closing_ends_the_workers_and_refuses_what_comes_after(running: Running) -> None:
    shop = running(Limits())
    shop.call("add", left=1, right=1)
    (worker,) = shop.functions._idle
    assert worker._process is not None
    pid = worker._process.pid
    shop.functions.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(FunctionsBusy, match="the service is ending"):
        shop.call("add", left=1, right=1)


def test_a_worker_that_was_killed_while_idle_is_told_once_and_replaced(running: Running) -> None:
    shop = running(Limits())
    shop.call("add", left=1, right=1)
    (worker,) = shop.functions._idle
    assert worker._process is not None
    worker._process.kill()
    worker._process.wait()
    assert shop.call("add", left=1, right=1) == 2


def test_a_worker_ends_with_its_service(functions_shop: Shop, tmp_path: Path) -> None:
    other = Functions(functions_shop.settings.indexes)
    other.call(functions_shop.release, functions_shop.view, "add", {"left": 1, "right": 1})
    (worker,) = other._idle
    assert worker._process is not None
    assert worker._process.stdin is not None
    worker._process.stdin.close()  # as the kernel does when the service dies
    assert worker._process.wait(10) == 0
    other.close()


def test_a_hundred_calls_of_a_warm_worker_take_milliseconds(functions_shop: Shop) -> None:
    functions_shop.call("add", left=1, right=1)
    taken = []
    for number in range(100):
        began = time.perf_counter()
        functions_shop.call("spent", customer="it's")
        taken.append((time.perf_counter() - began) * 1000)
        assert number >= 0
    print(f"a call: p50 {statistics.median(taken):.2f} ms, slowest {max(taken):.2f} ms")
    assert statistics.median(taken) < 50  # 5 ms is the aim; a busy test machine is given some slack


def test_every_function_of_the_shop_is_asked_by_a_test() -> None:
    asked = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in FUNCTIONS if f'"{name}"' not in asked] == []


def test_a_function_sees_what_edits_make_of_the_release_and_nothing_that_was_erased(functions_shop: Shop) -> None:
    shop = functions_shop

    def call(release: EditedRelease, name: str) -> object:
        return shop.functions.call(release, seen_by(VIEWER, release), name, {})

    changed = with_nothing(shop.release).with_edits([(1, ObjectEdit("erase", "order", "249"))])
    assert str(call(changed, "release")).split()[1:] == ["249", "249"]
    assert call(changed, "first_order") == 0
    with pytest.raises(FunctionResultInvalid):
        call(changed.with_edits([(2, ObjectEdit("delete", "order", "0"))]), "first_order")
    assert call(changed, "first_order") == 0
    assert str(shop.call("release")).split()[1:] == ["250", "250"]
