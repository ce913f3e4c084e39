"""The FTS5 index alone; with vectors and against nasty text it is tested in `tests/search/test_retrieval.py`."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import BuildError, ReleaseError
from palantir_assets.search.documents import Document, Documents, collect
from palantir_assets.search.retrieval import Scope
from palantir_assets.stores.keywords import SqliteKeywords

WORDS = ["red", "green", "blue", "van", "truck", "지연", "노트북", "서울"]


def many_documents(points: int = 200) -> Documents:
    random = np.random.default_rng(3)
    return collect(
        Document(
            "order" if point % 3 else "customer", point, f"k{point}", " ".join(random.choice(WORDS, 2)), " ".join(random.choice(WORDS, 6))
        )
        for point in range(points)
    )


@pytest.fixture(scope="module")
def documents() -> Documents:
    return many_documents()


@pytest.fixture(scope="module")
def index(documents: Documents, tmp_path_factory: pytest.TempPathFactory) -> SqliteKeywords:
    return SqliteKeywords.build(tmp_path_factory.mktemp("keywords") / "keywords.sqlite", documents)


def said(documents: Documents, point: int) -> str:
    document = documents.document(point)
    return f"{document.title} {document.key} {document.text}"


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), st.sets(st.integers(0, 199)), st.sampled_from(["customer", "order", None]))
def test_exactly_the_documents_with_a_word_in_scope_are_found(
    index: SqliteKeywords, documents: Documents, words: list[str], points: set[int], object_type: str | None
) -> None:
    mask = np.isin(np.arange(200), sorted(points))
    scope = Scope(frozenset({object_type}) if object_type else None, mask)
    found = {point for point, _ in index.search(" ".join(words), 200, scope)}
    assert found == {
        point
        for point in points
        if object_type in (None, documents.document(point).object_type) and any(word in said(documents, point).split() for word in words)
    }


def test_the_best_k_in_scope_are_the_first_k_of_all_in_scope(index: SqliteKeywords) -> None:
    scope = Scope(frozenset({"order"}), np.arange(200) % 2 == 0)
    everything = index.search("red 지연", 200, scope)
    assert len(everything) > 20
    assert index.search("red 지연", 7, scope) == everything[:7]
    assert everything == sorted(everything, key=lambda hit: (-hit[1], hit[0]))


def test_a_rarer_word_and_a_word_in_the_title_count_more(tmp_path: Path) -> None:
    texts = [("a", "van van"), ("van", "a"), ("b", "van rare"), *[("c", "van")] * 20]
    index = SqliteKeywords.build(tmp_path / "k.sqlite", collect(Document("t", row, "", *text) for row, text in enumerate(texts)))
    assert index.search("van", 1, Scope())[0][0] == 1
    assert index.search("van rare", 1, Scope())[0][0] == 2


def test_half_of_a_korean_word_and_another_ending_are_found(tmp_path: Path) -> None:
    index = SqliteKeywords.build(tmp_path / "k.sqlite", collect([Document("t", 0, "", "", "배송지연"), Document("t", 1, "", "", "노트북")]))
    for query in ("지연", "지연된", "연", "배송이 지연"):
        assert [point for point, _ in index.search(query, 5, Scope())] == [0]


def test_the_count_is_that_of_the_source_also_when_it_is_empty(tmp_path: Path, index: SqliteKeywords) -> None:
    assert index.count() == 200
    empty = SqliteKeywords.build(tmp_path / "k.sqlite", collect([]))
    assert (empty.count(), empty.search("red", 5, Scope())) == (0, [])


def test_an_index_opens_again_from_a_folder_that_cannot_be_written(tmp_path: Path, documents: Documents) -> None:
    path = tmp_path / "with space?#%41" / "keywords.sqlite"
    answer = SqliteKeywords.build(path, documents).search("red", 5, Scope())
    path.chmod(0o444)
    path.parent.chmod(0o555)
    assert SqliteKeywords.open(path).search("red", 5, Scope()) == answer
    assert [file.name for file in path.parent.iterdir()] == ["keywords.sqlite"]
    path.parent.chmod(0o755)


def test_nobody_can_write_through_an_open_index(index: SqliteKeywords) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        index._connection().execute("delete from types")


@pytest.mark.parametrize("damage", [None, b"", b"not a database" * 100])
def test_a_damaged_index_is_refused_with_the_way_out(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "keywords.sqlite"
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(ReleaseError, match="rebuilt from the release"):
        SqliteKeywords.open(path)


def test_an_index_of_another_format_is_refused(tmp_path: Path, documents: Documents) -> None:
    path = tmp_path / "keywords.sqlite"
    SqliteKeywords.build(path, documents).close()
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(ReleaseError, match="format is 99"):
        SqliteKeywords.open(path)


def test_a_build_that_dies_leaves_the_old_index(tmp_path: Path, documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keywords.sqlite"
    SqliteKeywords.build(path, documents).close()

    def dies(fresh: Path, documents: Documents) -> None:
        fresh.write_bytes(b"half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("palantir_assets.stores.keywords._fill", dies)
    with pytest.raises(BuildError, match="disk is full"):
        SqliteKeywords.build(path, documents)
    assert SqliteKeywords.open(path).count() == 200
    assert [file.name for file in tmp_path.iterdir()] == ["keywords.sqlite"]


def test_each_thread_has_its_own_connection_and_close_closes_all(tmp_path: Path, documents: Documents) -> None:
    index = SqliteKeywords.build(tmp_path / "k.sqlite", documents)
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(index.search("red", 5, Scope()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [index.search("red", 5, Scope())] * 4
    assert len(index._all) == 5
    index.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        index.search("red", 5, Scope())
