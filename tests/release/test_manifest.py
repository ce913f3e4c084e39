"""A manifest says what is there; what is missing, extra or changed is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from palantir_assets.errors import ReleaseError
from palantir_assets.release.manifest import FileEntry, Manifest, canonical_json, content_id, dump, read_manifest, release_id, verify
from palantir_assets.release.sealing import Shelf
from tests.release.shop import seal_shop

ENTRY = FileEntry(sha256="0" * 64, bytes=1)


def test_a_whole_folder_has_no_problems(shelf: Shelf) -> None:
    assert verify(seal_shop(shelf).folder) == []


def test_missing_extra_and_changed_files_are_named(shelf: Shelf) -> None:
    folder = seal_shop(shelf).folder
    (folder / "ontology.json").unlink()
    (folder / "notes.txt").write_text("x")
    piece = folder / "links" / "order__customer" / "forward_targets.npy"
    piece.chmod(0o644)
    data = bytearray(piece.read_bytes())
    data[-1] ^= 1
    piece.write_bytes(data)
    assert [(problem.message, problem.place.file.name if problem.place else "") for problem in verify(folder)] == [
        ("missing", "ontology.json"),
        ("not in the manifest", "notes.txt"),
        ("changed since it was sealed", "forward_targets.npy"),
    ]


def test_a_manifest_changed_to_fit_changed_files_does_not_fit_its_id(shelf: Shelf) -> None:
    folder = seal_shop(shelf).folder
    manifest = read_manifest(folder)
    (folder / "planted.txt").write_text("x")
    forged = manifest.model_copy(
        update={"files": {**manifest.files, "planted.txt": FileEntry(sha256=hashlib.sha256(b"x").hexdigest(), bytes=1)}}
    )
    (folder / "manifest.json").write_bytes(dump(forged))
    assert [problem.message for problem in verify(folder)] == ["the content id does not follow from the files"]


def test_ids_follow_from_content_not_from_order() -> None:
    one, other = FileEntry(sha256="1" * 64, bytes=1), FileEntry(sha256="2" * 64, bytes=1)
    assert content_id({"a": one, "b": other}, edit_watermark=0) == content_id({"b": other, "a": one}, edit_watermark=0)
    assert content_id({"a": one}, edit_watermark=0) != content_id({"a": one}, edit_watermark=1)
    assert content_id({"a": one}, edit_watermark=0) != content_id({"b": one}, edit_watermark=0)
    assert release_id("c", {"reports/a.json": one}) != release_id("c", {"reports/a.json": other})


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/./b", "", "a\\b", "manifest.json", "a\0b"])
def test_a_path_that_leads_out_of_the_release_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Manifest(content_id="0" * 32, files={path: ENTRY}, code_version="", spec_version="", lock_version="")


def test_a_manifest_with_an_unknown_key_is_refused(shelf: Shelf) -> None:
    folder = seal_shop(shelf).folder
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"format":1', '"format":1,"surprise":2'))
    with pytest.raises(ReleaseError, match=r"manifest\.json cannot be read"):
        read_manifest(folder)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "is missing" in verify(tmp_path / "nowhere")[0].message


def test_canonical_json_has_one_spelling() -> None:
    assert canonical_json({"b": 1, "a": "한"}) == '{"a":"한","b":1}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
