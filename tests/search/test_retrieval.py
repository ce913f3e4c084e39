"""Search over both real indexes: fusion, policy before the best k, Korean, and any text at all."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import QueryError
from palantir_assets.search.documents import Document, Documents, collect, write
from palantir_assets.search.encoding import OnnxEncoder
from palantir_assets.search.retrieval import MAX_HITS, Mask, SearchIndex, fuse
from palantir_assets.stores.keywords import SqliteKeywords
from palantir_assets.stores.vectors import EdgeVectors

PRODUCTS = [
    ("p0", "Garden hose", "A hose to water the lawn and the flowers."),
    ("p1", "Umbrella", "Keeps you dry in the rain."),
    ("p2", "Desk lamp", "Light for reading at night."),
    ("p3", "노트북", "가벼운 노트북, 배송 지연 없음."),
    ("p4", "Kettle", "Boils water for tea."),
    ("p5", "Raincoat", "A coat for wet weather."),
]
CUSTOMERS = [("c0", "Kim Minji", "Customer in Seoul who buys umbrellas."), ("c1", "김민지", "서울의 고객, 우산 구매.")]
NASTY = [
    "", " ", "\0", "a\0b", '"', '""', '"unclosed', "'", "';--", "' or '1'='1", "*", "a*", "^a", "a AND",
    "AND", "OR OR", "NOT", "NEAR(", "NEAR(a b, 2)",
    "name:water", "{name body}: water", "words MATCH 'x'", "-water", "+water", "(", ")", "((((",
    "a" * 100_000, "water " * 20_000, "(" * 100_000,
    "\ud800", "\udfff water", "\u202ewater", "\ufeff", "🙂", "👩‍👩‍👧‍👦" * 500, "％_％", "%s%n%x", "../../etc/passwd", "<script>", "${jndi:ldap://x}",
    "{{7*7}}", "null", "undefined", "NaN", "1e400", "-1", "가" * 10_000, "\u0300" * 10_000,
    "ﷺ" * 5_000, "water\r\n\t\x0b\x1b[2J", "union select 1,2",
]  # fmt: skip


@pytest.fixture(scope="module")
def documents() -> Documents:
    products = [Document("product", row, *texts) for row, texts in enumerate(PRODUCTS)]
    return collect([*products, *(Document("customer", row, *texts) for row, texts in enumerate(CUSTOMERS))])


@pytest.fixture(scope="module")
def index(documents: Documents, encoder: OnnxEncoder, tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    folder = tmp_path_factory.mktemp("index")
    vectors = encoder.encode(documents.column("text"))
    types = documents.column("object_type")
    return SearchIndex(
        documents, encoder, EdgeVectors.build(folder / "vectors", vectors, types), SqliteKeywords.build(folder / "k.sqlite", documents)
    )


def keys(index: SearchIndex, query: str, k: int = 10, **options: object) -> list[str]:
    return [hit.key for hit in index.search(query, k, **options)]  # type: ignore[arg-type]


def test_the_object_that_both_legs_find_first_is_first_and_says_so(index: SearchIndex) -> None:
    best = index.search("umbrella for the rain", 3)[0]
    assert (best.object_type, best.row, best.key, best.title, best.by) == ("product", 1, "p1", "Umbrella", ("keywords", "vectors"))


def test_what_is_meant_is_found_without_a_word_in_common(index: SearchIndex) -> None:
    found = index.search("illumination", 1)[0]
    assert (found.key, found.by) == ("p2", ("vectors",))


def test_a_key_and_a_word_in_another_form_are_found_by_keywords(index: SearchIndex) -> None:
    assert keys(index, "p4", 1) == ["p4"]
    assert "keywords" in next(hit for hit in index.search("boiling") if hit.key == "p4").by


@pytest.mark.parametrize(
    ("query", "key"), [("노트북", "p3"), ("지연", "p3"), ("배송이 지연된 제품", "p3"), ("서울 고객", "c1"), ("우산", "c1")]
)
def test_a_korean_question_finds_the_korean_document_first(index: SearchIndex, query: str, key: str) -> None:
    hits = index.search(query)
    assert hits[0].key == key
    assert all(hit.by == ("keywords",) for hit in hits)  # the English vectors would be noise


def test_object_types_narrow_before_the_best_k(index: SearchIndex) -> None:
    assert set(keys(index, "umbrella", 2, object_types=frozenset({"customer"}))) == {"c0", "c1"}
    assert keys(index, "umbrella", object_types=frozenset()) == []
    assert keys(index, "umbrella", object_types=frozenset({"no_such_type"})) == []


def test_a_hidden_object_neither_shows_nor_takes_a_place(index: SearchIndex) -> None:
    everything = keys(index, "umbrella in the rain", 8)
    for hidden in range(len(PRODUCTS)):
        rows = np.arange(len(PRODUCTS)) != hidden
        seen = keys(index, "umbrella in the rain", 7, allowed=lambda name, rows=rows: rows if name == "product" else True)
        assert f"p{hidden}" not in seen
        assert sorted(seen) == sorted(key for key in everything if key != f"p{hidden}")
        assert len(keys(index, "umbrella in the rain", 1, allowed=lambda name, rows=rows: rows)) == 1


@pytest.mark.parametrize("answer", [False, np.zeros(10, dtype=np.bool_)])
def test_a_caller_who_may_see_nothing_finds_nothing(index: SearchIndex, answer: Mask | bool) -> None:
    assert index.search("umbrella", allowed=lambda name: answer) == []


def test_a_whole_type_may_be_hidden_and_types_and_policy_hold_together(index: SearchIndex) -> None:
    assert set(keys(index, "umbrella", allowed=lambda name: name == "customer")) == {"c0", "c1"}
    one = {"customer": np.array([True, False]), "product": np.ones(6, dtype=np.bool_)}
    assert keys(index, "umbrella", object_types=frozenset({"customer"}), allowed=one.__getitem__) == ["c0"]


@pytest.mark.parametrize("query", NASTY, ids=range(len(NASTY)))
def test_no_text_breaks_a_search_or_gets_out_of_its_scope(index: SearchIndex, query: str) -> None:
    before = index.keywords.count(), index.vectors.count()
    hits = index.search(query, 5, object_types=frozenset({"customer"}))
    assert len(hits) <= 5 and {hit.object_type for hit in hits} <= {"customer"}
    assert (index.keywords.count(), index.vectors.count()) == before


@given(st.text(alphabet=st.characters(), max_size=40))
def test_any_text_gives_the_same_answer_twice(index: SearchIndex, query: str) -> None:
    assert index.search(query, 5) == index.search(query, 5)


def test_a_question_without_a_letter_finds_nothing(index: SearchIndex) -> None:
    assert [index.search(query) for query in ("", " ", "🙂", "!?")] == [[], [], [], []]


@pytest.mark.parametrize("k", [-1, 0, MAX_HITS + 1, 10**9])
def test_k_is_bounded(index: SearchIndex, k: int) -> None:
    with pytest.raises(QueryError, match="1 to 200"):
        index.search("umbrella", k)


def test_many_threads_get_the_answers_that_one_gets(index: SearchIndex) -> None:
    questions = ["umbrella", "노트북", "water", "light"] * 5
    alone, together = [keys(index, question) for question in questions], {}

    def ask(place: int) -> None:
        together[place] = keys(index, questions[place])

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[place] for place in range(len(questions))] == alone


def test_fusion_adds_reciprocal_ranks_and_breaks_ties_by_point() -> None:
    fused = fuse([("keywords", [(9, 5.0), (4, 2.0)]), ("vectors", [(1, 0.9), (4, 0.8)])])
    assert [(point, by) for point, _, by in fused] == [(4, ("keywords", "vectors")), (1, ("vectors",)), (9, ("keywords",))]
    assert [score for _, score, _ in fused] == pytest.approx([2 / 62, 1 / 61, 1 / 61])


def test_searching_imports_nothing_of_the_build_side(encoder_folder: Path, tmp_path: Path) -> None:
    documents = collect([Document("customer", 0, *CUSTOMERS[0])])
    write(documents, tmp_path / "documents.parquet")
    SqliteKeywords.build(tmp_path / "keywords.sqlite", documents).close()
    EdgeVectors.build(tmp_path / "vectors", np.ones((1, 384), dtype=np.float32), ["customer"]).close()
    program = textwrap.dedent("""
        import pathlib, sys
        from palantir_assets.graph import building
        from palantir_assets.search import documents, encoding, retrieval
        from palantir_assets.stores import keywords, vectors
        folder = pathlib.Path(sys.argv[1])
        parts = vectors.EdgeVectors.open(folder / "vectors"), keywords.SqliteKeywords.open(folder / "keywords.sqlite")
        texts = documents.read(folder / "documents.parquet", texts=False)
        index = retrieval.SearchIndex(texts, encoding.open_encoder(pathlib.Path(sys.argv[2])), *parts)
        assert index.search("umbrella", allowed=lambda name: True)[0].key == "c0"
        heavy = {"torch", "transformers", "pandas", "scipy", "networkx", "qdrant_client", "onnx", "matplotlib", "dagster"}
        print(*sorted(heavy & set(sys.modules)))
    """)
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path), str(encoder_folder)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
