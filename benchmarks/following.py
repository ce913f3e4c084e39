"""How long another process takes to see an edit: from the moment it is acknowledged here until that process reads the new value.

Two processes of an operating system over one ledger: this one writes, the other follows as each API process does. Both
look at the machine's one monotonic clock.

    python -m benchmarks.following [sqlalchemy-url]
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.actions.recording import written
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Batch, NewEdit
from palantir_assets.stores.edits import EditLog

NOW = datetime(2024, 5, 1, tzinfo=UTC)
LOOK_SECONDS = 0.001
EDITS = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """What the other process saw: the last edit it has, when, and the object that is edited as it reads it."""

    edit_no: int
    at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Followed:
    """A ledger, and a release on disk that is read with its edits; the object that is looked at."""

    url: str
    key_file: Path
    release: Path
    indexes: Path
    object_type: str
    key: str


def measure(followed: Followed, edit: Callable[[int], ObjectEdit], *, edits: int = EDITS) -> list[tuple[float, Seen]]:
    """Seconds from each acknowledged edit until the other process had it, and what it read then."""
    found: list[tuple[float, Seen]] = []
    with closing(open_database(followed.url, followed.key_file)) as database, follower(followed) as sightings:
        log = EditLog(database)
        for number in range(edits):
            made = edit(number)
            new = NewEdit(made.type, made.key, made.kind, written(made))
            last = log.append(Batch("measure", "ada", NOW, edits=[new])).last_edit or 0
            acknowledged = time.monotonic()
            seen = next(each for each in sightings if each.edit_no >= last)
            found.append((max(seen.at - acknowledged, 0.0), seen))
    return found


@contextmanager
def follower(followed: Followed) -> Iterator[Iterator[Seen]]:
    """Another process that follows; what it sees, as it sees it."""
    told = [str(getattr(followed, name)) for name in Followed.__slots__]
    command = [sys.executable, "-m", "benchmarks.following", "--follow", *told]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            lines = (line.split(b" ", 2) for line in process.stdout)
            next(lines)
            yield (Seen(int(number), float(at), body) for number, at, body in lines)
        finally:
            process.stdin.close()
            process.terminate()


def main(arguments: Sequence[str]) -> None:
    """Print how late the other process was."""
    from benchmarks.overlay import made_release

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with closing(made_release(root, 20_000)) as release:
            place = release.folder
        url = arguments[0] if arguments else f"sqlite:///{root}/ledger.db"
        followed = Followed(url, root / "keys" / "audit.key", place, root / "indexes", "box", "7")
        late = [seconds for seconds, _ in measure(followed, lambda number: ObjectEdit("modify", "box", "7", {"weight": number}))]
    print(f"another process sees an edit after {statistics.median(late) * 1e3:.0f} ms (median), {max(late) * 1e3:.0f} ms at most")


def _follow(followed: Followed) -> None:
    from palantir_assets.release.reading import open_release
    from palantir_assets.serving.following_edits import FollowedEdits

    async def tell() -> None:
        last = -1
        async with edits.following():
            while True:
                state = edits.over(release)
                if state.edit_no != last:
                    row = state.row_of(followed.object_type, followed.key)
                    body = b"" if row is None else state.json_rows(followed.object_type, [row])[0]
                    sys.stdout.buffer.write(b"%d %.6f %s\n" % (state.edit_no, time.monotonic(), body))
                    sys.stdout.buffer.flush()
                    last = state.edit_no
                await asyncio.sleep(LOOK_SECONDS)

    with (
        closing(open_database(followed.url, followed.key_file)) as database,
        closing(open_release(followed.release, followed.indexes)) as release,
    ):
        edits = FollowedEdits(EditLog(database))
        edits.prepared(release)
        asyncio.run(tell())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--follow"]:
        url, key_file, release, indexes, object_type, key = sys.argv[2:]
        _follow(Followed(url, Path(key_file), Path(release), Path(indexes), object_type, key))
    else:
        main(sys.argv[1:])
