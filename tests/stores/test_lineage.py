"""The lineage of models on disk: what is read back is what was kept, and what cannot be read counts as missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.lineage.columns import ModelLineage
from palantir_assets.lineage.reading import Column
from palantir_assets.stores.lineage import KeptLineage, LineageFile

NAME = Column("raw.customers", "name")
READ = KeptLineage(ModelLineage({"name": (NAME,), "one": ()}, (NAME,), ("raw.customers",)), "code", "data")
UNREAD = KeptLineage(ModelLineage({"x": (NAME,)}, (NAME,), ("raw.customers",), "a pivot"), "code", "data")


def test_what_is_read_back_is_what_was_kept(tmp_path: Path) -> None:
    file = LineageFile(tmp_path / "tables" / "lineage.json")
    file.update({"marts.a": READ, "marts.b": UNREAD}, ["marts.a", "marts.b"])
    assert file.read() == {"marts.a": READ, "marts.b": UNREAD}


def test_a_model_that_is_made_again_is_replaced_and_one_that_is_gone_goes(tmp_path: Path) -> None:
    file = LineageFile(tmp_path / "lineage.json")
    file.update({"marts.a": READ, "marts.b": READ}, ["marts.a", "marts.b"])
    file.update({"marts.a": UNREAD}, ["marts.a"])
    assert file.read() == {"marts.a": UNREAD}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0, "models": {}}', '{"format": 1, "models": {"marts.a": {}}}'])
def test_a_file_that_cannot_be_read_counts_as_missing(tmp_path: Path, text: str) -> None:
    file = LineageFile(tmp_path / "lineage.json")
    assert file.read() == {}
    file.path.write_text(text)
    assert file.read() == {}
