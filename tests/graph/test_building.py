"""Compressed sparse rows: laws for any links, hand-checked ones, limits, and kills while saving."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import BuildError, ReleaseError
from palantir_assets.graph.building import ALWAYS, PARTS, LinkArrays, build_csr, load, save
from palantir_assets.graph.ordering import INT32_MAX, Intervals

Links = tuple[list[int], list[int], int, int]


@st.composite
def any_links(draw: st.DrawFn) -> Links:
    left, right = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    pairs = draw(st.lists(st.tuples(st.integers(0, left - 1), st.integers(0, right - 1)), max_size=40))
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs], left, right


def pairs_of(links: LinkArrays) -> list[tuple[int, int]]:
    return [(row, int(target)) for row in range(links.forward.rows) for target in links.forward.of(row)]


@given(any_links())
def test_every_link_is_found_again_from_both_ends(links: Links) -> None:
    sources, targets, left, right = links
    made = build_csr(*links)
    assert pairs_of(made) == sorted(zip(sources, targets, strict=True))
    backwards = sorted((int(source), row) for row in range(right) for source in made.reverse.of(row))
    assert backwards == sorted(zip(sources, targets, strict=True))
    assert (made.forward.rows, made.reverse.rows, made.links) == (left, right, len(sources))


@given(any_links())
def test_the_reverse_of_the_reverse_is_the_same_arrays(links: Links) -> None:
    sources, targets, left, right = links
    there, back = build_csr(sources, targets, left, right), build_csr(targets, sources, right, left)
    assert there.reverse.targets.tolist() == back.forward.targets.tolist()
    assert there.forward.offsets.tolist() == back.reverse.offsets.tolist()


@given(any_links())
def test_degrees_add_up_to_the_number_of_links(links: Links) -> None:
    made = build_csr(*links)
    assert made.forward.degrees().sum() == made.reverse.degrees().sum() == len(links[0])
    assert made.forward.degrees().tolist() == np.bincount(np.array(links[0], dtype=int), minlength=links[2]).tolist()


@given(any_links(), st.lists(st.integers(0, 11), max_size=8))
def test_many_rows_at_once_give_what_they_give_one_by_one(links: Links, rows: list[int]) -> None:
    forward = build_csr(*links).forward
    asked = [row for row in rows if row < forward.rows]
    assert forward.of_many(asked).tolist() == [int(target) for row in asked for target in forward.of(row)]


@given(any_links())
def test_the_order_of_the_links_does_not_change_a_byte(links: Links) -> None:
    sources, targets, left, right = links
    one, other = build_csr(sources, targets, left, right), build_csr(sources[::-1], targets[::-1], left, right)
    assert one.forward.targets.tobytes() == other.forward.targets.tobytes()
    assert one.reverse.targets.tobytes() == other.reverse.targets.tobytes()


def test_rows_without_a_link_and_types_without_rows_are_kept(tmp_path: Path) -> None:
    save(build_csr([], [], 3, 0), tmp_path / "empty")
    empty = load(tmp_path / "empty")
    assert (empty.forward.rows, empty.reverse.rows, empty.links) == (3, 0, 0)
    assert empty.forward.of(2).tolist() == []


@given(any_links(), st.data())
def test_what_lies_beside_a_link_stays_beside_it_in_both_directions(links: Links, data: st.DataObject) -> None:
    sources, targets, left, right = links
    count = len(sources)
    valid = np.array([sorted(data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5)))) for _ in range(count)], dtype=np.int64).reshape(
        -1, 2
    )
    told = sorted(zip(sources, targets, valid[:, 0].tolist(), valid[:, 1].tolist(), range(count), strict=True))
    made = build_csr(sources, targets, left, right, valid=valid, through=range(count))
    plain = build_csr(sources, targets, left, right)
    for way, bare, turn in ((made.forward, plain.forward, False), (made.reverse, plain.reverse, True)):
        assert way.targets.tolist() == bare.targets.tolist() and way.offsets.tolist() == bare.offsets.tolist()
        assert way.valid is not None and way.through is not None
        rows = np.repeat(np.arange(way.rows), way.degrees()).tolist()
        ends = (way.targets.tolist(), rows) if turn else (rows, way.targets.tolist())
        found = zip(*ends, way.valid[:, 0].tolist(), way.valid[:, 1].tolist(), way.through.tolist(), strict=True)
        assert sorted(found) == told
    moment, row = data.draw(st.integers(0, 6)), data.draw(st.integers(0, left - 1))
    expected = sorted(to for source, to, since, until, _ in told if source == row and since <= moment < until)
    assert made.forward.of_many([row], moment).tolist() == expected
    assert plain.forward.of_many([row], moment).tolist() == plain.forward.of(row).tolist()


@given(any_links())
def test_dated_links_in_another_order_give_the_same_bytes(links: Links) -> None:
    sources, targets, left, right = links
    valid = np.array([[number % 3, 5] for number in range(len(sources))], dtype=np.int64).reshape(-1, 2)
    one = build_csr(sources, targets, left, right, valid=valid)
    other = build_csr(sources[::-1], targets[::-1], left, right, valid=valid[::-1])
    assert one.valid is not None and other.valid is not None
    assert [part.tobytes() for part in one.valid] == [part.tobytes() for part in other.valid]


def test_dates_and_what_stands_for_links_are_kept_on_disk_and_go_when_they_are_gone(tmp_path: Path) -> None:
    folder, dates = tmp_path / "customer__knows", np.array([[0, 9], ALWAYS], dtype=np.int64)
    save(build_csr([0, 1], [1, 0], 2, 2, valid=dates, through=[7, 8]), folder)
    found = load(folder)
    assert found.valid is not None and found.forward.through is not None and found.reverse.through is not None
    assert (found.valid[0].tolist(), found.valid[1].tolist()) == (dates.tolist(), dates[::-1].tolist())
    assert (found.forward.through.tolist(), found.reverse.through.tolist()) == ([7, 8], [8, 7])
    assert found.nbytes == 2 * (3 + 2 + 2) * 4 + 2 * 4 * 8
    (folder / "valid_reverse.npy").unlink()
    with pytest.raises(ReleaseError, match="one direction only"):
        load(folder)
    np.save(folder / "valid_reverse.npy", np.zeros((1, 2), dtype=np.int64))
    with pytest.raises(ReleaseError, match="do not fit together"):
        load(folder)
    np.save(folder / "valid_reverse.npy", np.zeros(2, dtype=np.int64))
    with pytest.raises(ReleaseError, match="not pairs of int64"):
        load(folder)
    save(build_csr([0, 1], [1, 0], 2, 2), folder)
    assert load(folder).valid is None and load(folder).forward.through is None


@pytest.mark.parametrize(
    ("valid", "through", "says"),
    [
        (np.array([[2, 1]]), None, "end to be valid before they begin"),
        (np.array([[1, 2], [1, 2]]), None, "not int64"),
        (np.array([[1.0, 2.0]]), None, "not int64"),
        (None, [1, 2], "1 links but 2 rows"),
        (None, [-1], "through rows"),
    ],
)
def test_what_cannot_lie_beside_links_is_refused_in_words(valid: Intervals | None, through: list[int] | None, says: str) -> None:
    with pytest.raises(BuildError, match=says):
        build_csr([0], [0], 1, 1, valid=valid, through=through)


@pytest.mark.parametrize("row", [-1, 3])
def test_a_row_that_does_not_exist_is_an_error_and_not_another_row(row: int) -> None:
    forward = build_csr([0, 2], [0, 0], 3, 1).forward
    with pytest.raises(IndexError):
        forward.of(row)
    with pytest.raises(IndexError):
        forward.of_many([row])


@pytest.mark.parametrize(
    ("sources", "targets", "left", "right", "says"),
    [
        ([0, 3], [0, 0], 3, 1, "source rows 0..3 lie outside 0..2"),
        ([0], [-1], 1, 1, "target rows -1..-1 lie outside 0..0"),
        ([0, 0], [0], 1, 1, "2 sources but 1 targets"),
        ([0.0], [0.5], 1, 1, "not whole numbers"),
        ([0], np.ma.masked_values([-9], -9), 1, 1, "a target row is null"),
        ([0], [0], INT32_MAX + 1, 1, "do not fit 32-bit row numbers"),
    ],
)
def test_links_that_cannot_be_are_refused_in_words(sources: list[int], targets: list[int], left: int, right: int, says: str) -> None:
    with pytest.raises(BuildError, match=says):
        build_csr(sources, targets, left, right)


@pytest.mark.parametrize("mmap", [True, False])
def test_saved_arrays_come_back_byte_for_byte_and_cannot_be_written(tmp_path: Path, mmap: bool) -> None:
    made = build_csr([0, 2, 2, 0], [1, 0, 1, 1], 3, 2)
    save(made, tmp_path / "order__customer")
    found = load(tmp_path / "order__customer", mmap=mmap)
    assert pairs_of(found) == pairs_of(made)
    assert sorted(path.stem for path in (tmp_path / "order__customer").iterdir()) == sorted(PARTS)
    with pytest.raises(ValueError, match="read-only"):
        found.forward.targets[0] = 7


@pytest.mark.parametrize("call", range(8))
@pytest.mark.parametrize("function", ["fsync", "rename"])
def test_a_save_killed_at_any_step_leaves_the_old_arrays_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, call: int
) -> None:
    folder, old, new = tmp_path / "links", build_csr([0], [0], 2, 2), build_csr([1, 0], [1, 1], 2, 2)
    save(old, folder)
    real, calls = getattr(os, function), iter(range(100))

    def fails(*arguments: object, **options: object) -> None:
        if next(calls) == call:
            raise OSError("killed")
        real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fails)
        try:
            save(new, folder)
            killed = False
        except OSError:
            killed = True
    assert pairs_of(load(folder)) in ([pairs_of(old), pairs_of(new)] if killed else [pairs_of(new)])
    save(new, folder)
    assert pairs_of(load(folder)) == pairs_of(new)
    assert [path.name for path in tmp_path.iterdir()] == ["links"]


@pytest.mark.parametrize("name", PARTS)
def test_a_damaged_array_is_refused_and_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "links"
    for damage in (b"", b"not numpy", None):
        save(build_csr([0], [0], 2, 2), folder)
        path = folder / f"{name}.npy"
        path.unlink() if damage is None else path.write_bytes(damage)
        with pytest.raises(ReleaseError, match=name):
            load(folder)


@pytest.mark.parametrize(
    ("part", "damaged"),
    [("forward_targets", [0, 10**9]), ("reverse_targets", [-1, 1]), ("forward_offsets", [0, 5, 2]), ("reverse_offsets", [0, -3, 2])],
)
def test_arrays_that_lead_to_rows_that_are_not_there_are_refused(tmp_path: Path, part: str, damaged: list[int]) -> None:
    save(build_csr([0, 1], [0, 1], 2, 2), tmp_path / "links")
    np.save(tmp_path / "links" / f"{part}.npy", np.array(damaged, dtype=np.int32))
    with pytest.raises(ReleaseError, match="lead to rows that are not there"):
        load(tmp_path / "links")


def test_arrays_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    save(build_csr([0, 1], [0, 1], 2, 2), tmp_path / "links")
    np.save(tmp_path / "links" / "forward_targets.npy", np.array([0], dtype=np.int32))
    with pytest.raises(ReleaseError, match="do not fit together"):
        load(tmp_path / "links")
    np.save(tmp_path / "links" / "forward_targets.npy", np.array([0, 1], dtype=np.int64))
    with pytest.raises(ReleaseError, match="int64"):
        load(tmp_path / "links")


def test_a_third_of_a_million_links_take_under_fifty_bytes_each() -> None:
    random = np.random.default_rng(0)
    links, left, right = 336_776, 336_776, 1_458
    targets = random.integers(0, right, links)
    made = build_csr(np.arange(links), targets, left, right)
    assert made.nbytes / made.links <= 50
