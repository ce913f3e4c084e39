"""The same small shop as a real release on disk, made by `release` itself, and a log that points at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from palantir_assets.graph.building import save
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.release.log import Pointer, ReleaseLog
from palantir_assets.release.manifest import Provenance, Versions, canonical_json
from palantir_assets.release.publishing import Published, publish
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.release.writing import object_schema, write_objects
from palantir_assets.settings import Settings
from tests.fakes.release import FakeRelease, open_to_viewers, shop

NOW = datetime(2024, 6, 2, tzinfo=UTC)
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ListedRelease:
    release_no: int
    release_id: str
    content_id: str
    committed_at: datetime
    reason: str
    actor: str


@dataclass
class ListLog:
    """A release log in a list; `broken` makes it unreachable."""

    rows: list[Pointer] = field(default_factory=list)
    broken: Exception | None = None

    def head(self) -> Pointer | None:
        if self.broken:
            raise self.broken
        return self.rows[-1] if self.rows else None

    def list(self) -> Sequence[Pointer]:
        if self.broken:
            raise self.broken
        return list(self.rows)

    def audit_head(self) -> str | None:
        return None

    def commit(
        self, release_id: str, *, content_id: str, expected_no: int, reason: str, actor: str, at: datetime, notes: Sequence[str] = (),
        declassified: Sequence[Mapping[str, object]] = (),
    ) -> int:  # fmt: skip
        self.rows.append(ListedRelease(expected_no + 1, release_id, content_id, at, reason, actor))
        return expected_no + 1


def settings_in(folder: Path) -> Settings:
    """Settings of a project there; `testserver` is the name that Starlette's test client asks by."""
    return Settings(project=folder, state=folder / "var", ledger_url=f"sqlite:///{folder / 'ledger.db'}", allowed_hosts=("testserver",))


def closed_to_strangers() -> ServedAccess:
    """Rules of the shop under which viewers read everything, and whoever has no token is nobody."""
    return open_to_viewers(shop().ontology, anonymous=())


def release_shop(
    settings: Settings,
    log: ReleaseLog,
    *,
    orders: int = 250,
    access: ServedAccess | None = None,
    made: FakeRelease | None = None,
    edit_watermark: int = 0,
    functions: str = "",
) -> Published:
    """Seal and publish the shop with so many orders, or one already made; viewers may read all, unless other rules are given.

    `functions` is the source of those that it declares, as `shop.py`.
    """
    made = made or shop(orders=orders)
    with staging(Shelf(settings.releases)) as folder:
        (folder / "ontology.json").write_bytes(canonical_json(made.ontology.model_dump(mode="json")))
        (folder / "access.json").write_text((access or open_to_viewers(made.ontology)).model_dump_json(), encoding="utf-8")
        if functions:
            (folder / "functions").mkdir()
            (folder / "functions" / "shop.py").write_text(functions, encoding="utf-8")
        for name, kind in made.ontology.types.items():
            write_objects(_table(made, name), folder / "objects" / name, kind)
        for name, links in made.links.items():
            save(links, folder / "links" / name)
        candidate = seal_candidate(
            folder,
            Shelf(settings.releases),
            versions=Versions(code_version="1", spec_version="1", lock_version="1", edit_watermark=edit_watermark),
            provenance=Provenance(created_at=AS_OF, data_as_of=AS_OF),
            rows={name: made.count(name) for name in made.ontology.types},
        )
    return publish(candidate, {}, shelf=Shelf(settings.releases), log=log, reason="a test", actor="test", clock=lambda: NOW)


def _table(made: FakeRelease, name: str) -> pa.Table:
    kind = made.ontology.types[name]
    rows = [{"_row": index, "_title": str(row[kind.key]), **row} for index, row in enumerate(made.rows[name])]
    return pa.Table.from_pylist(rows, schema=object_schema(kind))
