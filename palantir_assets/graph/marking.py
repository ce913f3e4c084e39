"""The inner loops of a hop of a whole set of rows, compiled as those of `kernels` are, which tells how they work.

What this module takes from there is compiled into what is kept on disk: change this file whenever that changes.
"""

from __future__ import annotations

import numpy as np

from palantir_assets.graph.kernels import BYTES, INTS, Bytes, Small, compiled, compiler, pointer, types


@compiled(types.int64(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, BYTES))
def touch_one(offsets_at: int, targets_at: int, valid_at: int, shown_at: int, moment: int, row: int, marked: Bytes) -> int:
    """Mark what one row is linked to, and count what was not marked before. The row must exist: the caller has looked."""
    offsets = compiler.carray(pointer(offsets_at), 1, np.int32)
    targets = compiler.carray(pointer(targets_at), 1, np.int32)
    valid = compiler.carray(pointer(valid_at), 1, np.int64)
    shown = compiler.carray(pointer(shown_at), 1, np.uint8)
    found = 0
    for link in range(offsets[row], offsets[row + 1]):
        to = targets[link]
        if valid_at != 0 and (valid[2 * link] > moment or valid[2 * link + 1] <= moment):
            continue
        if marked[to] == 0 and (shown_at == 0 or shown[to] != 0):
            marked[to] = 1
            found += 1
    return found


@compiled(types.int64(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, INTS, BYTES))
def touch(offsets_at: int, targets_at: int, valid_at: int, shown_at: int, moment: int, enough: int, rows: Small, marked: Bytes) -> int:
    """Mark what `rows` are linked to, until `enough` are found."""
    found = 0
    for row in rows:
        found += touch_one(offsets_at, targets_at, valid_at, shown_at, moment, row, marked)
        if found >= enough:
            break
    return found


@compiled(types.int64(types.int64, types.int64, types.int64, types.int64, types.int64, BYTES, BYTES))
def seek(offsets_at: int, targets_at: int, valid_at: int, shown_at: int, moment: int, members: Bytes, marked: Bytes) -> int:
    """Mark each row whose links, given the way back, lead to a member; one that is found ends the look at a row."""
    offsets = compiler.carray(pointer(offsets_at), 1, np.int32)
    targets = compiler.carray(pointer(targets_at), 1, np.int32)
    valid = compiler.carray(pointer(valid_at), 1, np.int64)
    shown = compiler.carray(pointer(shown_at), 1, np.uint8)
    found = 0
    for row in range(len(marked)):
        if shown_at != 0 and shown[row] == 0:
            continue
        for link in range(offsets[row], offsets[row + 1]):
            if members[targets[link]] != 0 and (valid_at == 0 or (valid[2 * link] <= moment and valid[2 * link + 1] > moment)):
                marked[row] = 1
                found += 1
                break
    return found


@compiled(types.int64(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, BYTES, BYTES))
def touch_flagged(
    offsets_at: int, targets_at: int, valid_at: int, shown_at: int, moment: int, enough: int, flags: Bytes, marked: Bytes
) -> int:
    """The same of the rows that have a flag."""
    found = 0
    for row in range(len(flags)):
        if flags[row] != 0:
            found += touch_one(offsets_at, targets_at, valid_at, shown_at, moment, row, marked)
            if found >= enough:
                break
    return found
