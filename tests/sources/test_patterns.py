"""What fits a pattern is what pathlib finds on this machine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.sources.patterns import fits, is_pattern, literal_part

NAME = st.text(alphabet="ab1.", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
FILES = st.sets(st.lists(NAME, min_size=1, max_size=4).map(tuple), min_size=1, max_size=8)
PART = st.one_of(NAME, st.sampled_from(["*", "**", "?", "a*", "*.1", "[ab]*", "[!a]?", "*[b", ".*"]))
PATTERN = st.lists(PART, min_size=1, max_size=4).filter(lambda parts: parts[-1] != "**").map("/".join)


@given(FILES, PATTERN)
def test_what_fits_is_what_pathlib_finds(files: set[tuple[str, ...]], pattern: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = set()
        for parts in sorted(files):
            path = root.joinpath(*parts)
            if not any(above.is_file() for above in [path, *path.parents]) and not path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
                made.add("/".join(parts))
        found = {path.relative_to(root).as_posix() for path in root.glob(pattern) if path.is_file()}
        assert {name for name in made if fits(name, pattern)} == found
        assert all(name.startswith(literal_part(pattern)) for name in found)


@pytest.mark.parametrize(
    ("name", "pattern", "fit"),
    [
        ("orders/2024-01.csv", "orders/2024-*.csv", True),
        ("orders/old/2024-01.csv", "orders/2024-*.csv", False),
        ("orders/old/2024-01.csv", "orders/*.csv", False),
        ("a.parquet", "**/*.parquet", True),
        ("x/y/z/a.parquet", "**/*.parquet", True),
        ("x/y/z/a.parquet", "x/**/y/**/*.parquet", True),
        ("orders/a.CSV", "orders/*.csv", False),
        ("orders/a.csv", "**", False),
        ("orders/", "orders/*", True),
    ],
)
def test_a_star_stays_in_its_folder_and_two_stars_do_not(name: str, pattern: str, fit: bool) -> None:
    assert fits(name, pattern) is fit


def test_many_stars_cost_little() -> None:
    assert not fits("/".join(["a"] * 200), "/".join(["**", "a"] * 40) + "/b")


def test_a_name_without_a_mark_is_no_pattern() -> None:
    assert [is_pattern(name) for name in ("orders.csv", "orders-*.csv", "o?.csv", "[ab].csv")] == [False, True, True, True]
