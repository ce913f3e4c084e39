"""What changed between two releases, told from their manifests."""

from __future__ import annotations

from palantir_assets.release.comparing import changes
from palantir_assets.release.manifest import FileEntry, Manifest


def manifest(rows: dict[str, int], files: dict[str, str], *, data: dict[str, str] | None = None, code: str = "1") -> Manifest:
    return Manifest(
        content_id="0" * 32,
        files={path: FileEntry(sha256=digit * 64, bytes=1) for path, digit in files.items()},
        rows=rows,
        data_versions=data or {},
        code_version=code,
        spec_version="1",
        lock_version="1",
    )


def test_equal_manifests_differ_in_nothing() -> None:
    one = manifest({"order": 3}, {"a": "1"})
    assert changes(one, one).lines() == ["nothing"]


def test_rows_models_data_versions_and_files_are_told() -> None:
    before = manifest({"order": 1000, "customer": 3}, {"a": "1", "b": "1", "models/late/card.json": "1"}, data={"raw/x": "1", "raw/y": "1"})
    after = manifest(
        {"order": 2500, "customer": 2, "product": 1},
        {"a": "2", "c": "1", "models/late/card.json": "2"},
        data={"raw/x": "1", "raw/y": "2"},
        code="2",
    )
    assert changes(before, after).lines() == [
        "customer: 1 row fewer (3 → 2)",
        "order: 1,500 rows more (1,000 → 2,500)",
        "product: 1 row more (0 → 1)",
        "model late changed",
        "data changed: raw/y",
        "code version changed",
        "1 file added: c",
        "1 file removed: b",
        "2 files changed: a, models/late/card.json",
    ]


def test_a_long_list_is_shortened() -> None:
    before, after = manifest({}, {}), manifest({}, {f"file-{number}": "1" for number in range(9)})
    assert changes(before, after).lines() == ["9 files added: file-0, file-1, file-2 and 6 more"]
