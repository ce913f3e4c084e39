"""The encoder of a release against the torch model it was made from, and the cache of vectors."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from palantir_assets.errors import BuildError, ReleaseError
from palantir_assets.search import exporting
from palantir_assets.search.caching import VectorCache, encode_cached
from palantir_assets.search.encoding import FILES, OnnxEncoder, Progress, Vectors, open_encoder

TEXTS = [
    "", " ", "!", "🙂", "🛒 👩‍👩‍👧‍👦 🇰🇷", "지연된 주문", "2013년 2월 9일 주문이 가장 많은 고객은?",
    "한글 and English", "東京タワー", "Ünïcödé straße",
    "a", "the", "customer", "Customer", "which customer ordered most in February?", "x" * 300,
    "word " * 400, "1,234.56", "2013-02-09 10:15",
    "line\nbreak\ttab", "<b>html</b> & \"quotes\" 'single'", "' or 1=1; drop table x", "مرحبا", "Привет мир", "C++ / C#", "N10156",
    *(f"Product {n} of the brand {brand}, made in {1980 + n}, {n * 7} in stock" for n, brand in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
]  # fmt: skip
REFERENCE = """
    import json, sys
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer(sys.argv[1], device="cpu")
    texts = json.load(sys.stdin)
    vectors = [model.encode(text, normalize_embeddings=True).tolist() for text in texts]
    json.dump(vectors, open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="module")
def vectors(encoder: OnnxEncoder) -> Vectors:
    return encoder.encode(TEXTS)


def test_vectors_are_those_of_the_torch_model(vectors: Vectors, tmp_path: Path) -> None:
    assert len(TEXTS) >= 50
    command = [sys.executable, "-c", textwrap.dedent(REFERENCE), str(exporting.model_folder()), str(tmp_path / "vectors.json")]
    subprocess.run(command, input=json.dumps(TEXTS), text=True, capture_output=True, check=True, timeout=200)
    reference = np.array(json.loads((tmp_path / "vectors.json").read_text()))
    assert np.einsum("td,td->t", vectors, reference).min() >= 0.999


def test_vectors_have_length_one_and_the_declared_dimension(encoder: OnnxEncoder, vectors: Vectors) -> None:
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_a_text_has_the_same_vector_whatever_stands_beside_it(encoder: OnnxEncoder, vectors: Vectors) -> None:
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.abs(alone - vectors).max() < 1e-5
    assert np.abs(encoder.encode(TEXTS[::-1])[::-1] - vectors).max() < 1e-5


def test_more_texts_than_a_batch_keep_their_order_and_tell_their_progress(encoder: OnnxEncoder) -> None:
    seen: list[tuple[int, int]] = []
    texts = [f"{'long ' * (n % 7)}{n}" for n in range(70)]
    found = encoder.encode(texts, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(64, 70), (70, 70)]
    assert np.abs(found[[3, 69]] - encoder.encode([texts[3], texts[69]])).max() < 1e-5


def test_no_texts_are_no_vectors(encoder: OnnxEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


@pytest.mark.parametrize("text", ["\ud800", "\0", "a" * 100_000, "🙂" * 10_000, "\u202e\ufffe", "{" * 5_000])
def test_any_text_has_a_vector(encoder: OnnxEncoder, text: str) -> None:
    assert np.isfinite(encoder.encode([text])).all()


def test_it_knows_what_it_cannot_read(encoder: OnnxEncoder) -> None:
    assert encoder.understands("big van") and encoder.understands("van 밴")
    assert not encoder.understands("지연된 주문") and not encoder.understands("🙂")


def test_the_exported_files_name_no_file_of_this_machine(encoder_folder: Path) -> None:
    network = (encoder_folder / "encoder.onnx").read_bytes()
    assert b".py" not in network and str(Path(sys.prefix)).encode() not in network


def test_another_tokenizer_makes_another_fingerprint_and_a_copy_the_same(
    encoder: OnnxEncoder, encoder_folder: Path, tmp_path: Path
) -> None:
    for name in FILES:
        (tmp_path / name).symlink_to(encoder_folder / name)
    assert open_encoder(tmp_path).fingerprint == encoder.fingerprint
    (tmp_path / FILES[2]).unlink()
    (tmp_path / FILES[2]).write_text((encoder_folder / FILES[2]).read_text().replace('"max_length":256', '"max_length":128'))
    assert open_encoder(tmp_path).fingerprint != encoder.fingerprint


def test_an_encoder_is_exported_once(encoder_folder: Path) -> None:
    before = (encoder_folder / FILES[0]).stat().st_mtime_ns
    assert exporting.ensure_encoder(encoder_folder.parent) == encoder_folder
    assert (encoder_folder / FILES[0]).stat().st_mtime_ns == before


def test_an_export_that_fails_leaves_nothing_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BuildError, match="exit status 1"):
        exporting.export_encoder(tmp_path / "encoder")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_installed_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PACKAGE", "no_such_model")
    with pytest.raises(BuildError, match="pip install"):
        exporting.model_folder()


@pytest.mark.parametrize("name", FILES)
def test_an_encoder_that_lacks_a_file_is_refused(encoder_folder: Path, tmp_path: Path, name: str) -> None:
    for other in FILES:
        if other != name:
            (tmp_path / other).symlink_to(encoder_folder / other)
    with pytest.raises(ReleaseError, match=f"lacks {name}"):
        open_encoder(tmp_path)


@pytest.mark.parametrize("name", [FILES[0], FILES[2]])
def test_an_encoder_with_a_damaged_file_is_refused(encoder_folder: Path, tmp_path: Path, name: str) -> None:
    for other in FILES:
        (tmp_path / other).symlink_to(encoder_folder / other)
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ReleaseError, match="cannot be read"):
        open_encoder(tmp_path)


@dataclass
class LetterCounter:
    """A small real encoder: counts of a, b and c; it remembers what it was asked."""

    fingerprint: str = "letters-1"
    dimension: int = 3
    asked: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str], *, on_progress: Progress | None = None) -> Vectors:
        self.asked += texts
        return np.array([[text.count(letter) for letter in "abc"] for text in texts], dtype=np.float32).reshape(-1, 3)

    def understands(self, text: str) -> bool:
        return True


def test_only_what_is_new_is_encoded_and_each_text_once(tmp_path: Path) -> None:
    encoder, cache = LetterCounter(), VectorCache(tmp_path / "cache")
    first = encode_cached(["a", "bb", "a"], encoder, cache)
    assert (first.vectors.tolist(), first.made) == ([[1, 0, 0], [0, 2, 0], [1, 0, 0]], 2)
    second = encode_cached(["bb", "c", "a"], encoder, cache)
    assert (second.vectors.tolist(), second.made) == ([[0, 2, 0], [0, 0, 1], [1, 0, 0]], 1)
    assert encoder.asked == ["a", "bb", "c"]


def test_another_encoder_shares_nothing(tmp_path: Path) -> None:
    cache, other = VectorCache(tmp_path), LetterCounter("letters-2")
    encode_cached(["a"], LetterCounter(), cache)
    assert encode_cached(["a"], other, cache).made == 1


def test_a_damaged_cache_costs_time_and_nothing_else(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path)
    for damage in (b"", b"damaged", b"PK\x03\x04"):
        encode_cached(["a"], LetterCounter(), cache)
        (path,) = tmp_path.glob("*.npz")
        path.write_bytes(damage)
        assert encode_cached(["a"], LetterCounter(), cache).vectors.tolist() == [[1, 0, 0]]


def test_a_full_cache_forgets_what_was_not_used_for_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palantir_assets.search.caching.MAX_VECTORS", 2)
    cache = VectorCache(tmp_path)
    encode_cached(["a", "b"], LetterCounter(), cache)
    encode_cached(["a", "c"], LetterCounter(), cache)
    assert encode_cached(["a", "c"], LetterCounter(), cache).made == 0
    assert encode_cached(["b"], LetterCounter(), cache).made == 1


def test_nothing_to_encode_is_no_vectors(tmp_path: Path) -> None:
    assert encode_cached([], LetterCounter(), VectorCache(tmp_path)).vectors.shape == (0, 3)
