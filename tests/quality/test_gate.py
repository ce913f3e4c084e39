"""The gate fails closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.quality.gate import Wanted, judge
from palantir_assets.stores.records import CheckRecord, CheckRecords

WANTED = Wanted("objects/order", "expectations", blocking=True, fingerprint="f1", data_version="v1")


def record(**changes: object) -> CheckRecord:
    values: dict[str, object] = {
        "asset": "objects/order",
        "check": "expectations",
        "passed": True,
        "blocking": True,
        "fingerprint": "f1",
        "data_version": "v1",
    }
    return CheckRecord(**{**values, **changes})  # type: ignore[arg-type]


def test_a_fresh_pass_opens_the_gate() -> None:
    assert judge([WANTED], {record().key: record()}).is_open


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"passed": False}, "failed"),
        ({"fingerprint": "f0"}, "was last asked with other expectations than today's"),
        ({"data_version": "v0"}, "was last asked of other content than today's"),
    ],
)
def test_a_failed_or_old_result_closes_it_with_a_reason(changes: dict[str, object], reason: str) -> None:
    verdict = judge([WANTED], {record().key: record(**changes)})
    assert verdict.refusals == (f"objects/order / expectations: {reason}",)


def test_a_missing_result_closes_it() -> None:
    assert judge([WANTED], {}).refusals == ("objects/order / expectations: has no result",)


def test_what_only_warns_is_told_and_lets_it_open() -> None:
    soft = Wanted("objects/order", "warnings", blocking=False, fingerprint="f1", data_version="v1")
    verdict = judge([soft], {})
    assert verdict.is_open and verdict.warnings == ("objects/order / warnings: has no result",)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    records = CheckRecords(tmp_path / "checks")
    records.write(record(details={"고객": 1}))
    records.write(record(passed=False, details={"고객": 2}))
    assert records.read() == {record().key: record(passed=False, details={"고객": 2})}


def test_a_damaged_record_is_as_good_as_none(tmp_path: Path) -> None:
    records = CheckRecords(tmp_path)
    records.write(record())
    next(tmp_path.glob("*.json")).write_text("{")
    assert not judge([WANTED], records.read()).is_open
