"""What changed from one release to the next, from their manifests alone; `palantir release list` shows it.

Which objects changed, property by property, is not known here: that is a question to two open releases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from palantir_assets.release.manifest import FileEntry, Manifest


@dataclass(frozen=True, slots=True)
class Changes:
    """`rows` holds (before, after) by object type, for types whose number of rows changed."""

    rows: Mapping[str, tuple[int, int]]
    files_added: tuple[str, ...]
    files_removed: tuple[str, ...]
    files_changed: tuple[str, ...]
    data_versions: tuple[str, ...]
    models: tuple[str, ...]
    versions: tuple[str, ...]

    def lines(self) -> list[str]:
        """In words, most telling first; "nothing" if nothing changed.

        >>> Changes({"order": (10, 12)}, (), (), (), (), (), ()).lines()
        ['order: 2 rows more (10 → 12)']
        """
        told = [_rows_line(name, before, after) for name, (before, after) in self.rows.items()]
        told += [f"model {name} changed" for name in self.models]
        if self.data_versions:
            told.append(f"data changed: {_some(self.data_versions)}")
        told += [f"{version} changed" for version in self.versions]
        for what, paths in (("added", self.files_added), ("removed", self.files_removed), ("changed", self.files_changed)):
            if paths:
                told.append(f"{len(paths)} file{'s' if len(paths) != 1 else ''} {what}: {_some(paths)}")
        return told or ["nothing"]


def changes(before: Manifest, after: Manifest) -> Changes:
    """What is different in `after`; a release of the same id differs in nothing."""
    kinds = sorted(before.rows.keys() | after.rows.keys())
    counts = {kind: (before.rows.get(kind, 0), after.rows.get(kind, 0)) for kind in kinds}
    changed = tuple(path for path in sorted(before.files) if path in after.files and before.files[path] != after.files[path])
    return Changes(
        rows={kind: pair for kind, pair in counts.items() if pair[0] != pair[1]},
        files_added=tuple(sorted(after.files.keys() - before.files.keys())),
        files_removed=tuple(sorted(before.files.keys() - after.files.keys())),
        files_changed=changed,
        data_versions=_different(before.data_versions, after.data_versions),
        models=_different(_models(before.files), _models(after.files)),
        versions=tuple(
            name.replace("_", " ")
            for name in ("code_version", "spec_version", "lock_version", "edit_watermark")
            if getattr(before, name) != getattr(after, name)
        ),
    )


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name))


def _models(files: Mapping[str, FileEntry]) -> dict[str, object]:
    found: dict[str, dict[str, str]] = {}
    for path, entry in files.items():
        station, _, rest = path.partition("/")
        if station == "models":
            name, _, file = rest.partition("/")
            found.setdefault(name, {})[file] = entry.sha256
    return dict(found)


def _rows_line(name: str, before: int, after: int) -> str:
    number = abs(after - before)
    return f"{name}: {number:,} row{'s' if number != 1 else ''} {'more' if after > before else 'fewer'} ({before:,} → {after:,})"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
