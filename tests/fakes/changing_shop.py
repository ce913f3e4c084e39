"""A served shop that is released and edited while somebody follows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from palantir_assets.access.principal import Principal
from palantir_assets.actions.edits import Edit, ObjectEdit, as_json
from palantir_assets.actions.overlay import APPENDED, Overlay
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.release.reading import Release
from palantir_assets.serving.app import create_app
from palantir_assets.serving.past import EditsSeen
from palantir_assets.serving.recognising import AsAnyone
from tests.fakes.release import ONTOLOGY, FakeRelease, with_rows
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in

PATH = "/api/platform/v1/changes"


@dataclass
class EditList:
    """An edit log in a list."""

    edits: list[Edit] = field(default_factory=list)

    def head(self) -> int:
        return len(self.edits)

    def since(self, edit_no: int, limit: int = 1000) -> list[Any]:
        numbered = [(number, edit) for number, edit in enumerate(self.edits, 1) if number > edit_no][:limit]
        return [SimpleNamespace(edit_no=number, values=as_json(edit)) for number, edit in numbered]

    def erased(self) -> set[tuple[str, str]]:
        return {(edit.type, edit.key) for edit in self.edits if isinstance(edit, ObjectEdit) and edit.kind == "erase"}


@dataclass
class Shop:
    """A served shop that is released and edited while somebody follows it. `made` are the rows of each release."""

    folder: Path
    access: ServedAccess
    caller: Principal = field(default_factory=lambda: Principal("someone", frozenset({"viewer"})))
    edits: EditList = field(default_factory=EditList)
    log: ListLog = field(default_factory=ListLog)
    made: dict[str, FakeRelease] = field(default_factory=dict)

    def release(self, made: FakeRelease) -> None:
        release_shop(settings_in(self.folder), self.log, access=self.access, made=made)
        self.made[self.log.rows[-1].release_id] = made

    def edited(self, release: Release, overlay: Overlay) -> FakeRelease:
        made = self.made[release.id]
        rows = {}
        for name, kind in ONTOLOGY.types.items():
            held = {str(row[kind.key]): dict(row) for row in made.rows[name]}
            for key, state in overlay.objects[name].items() if name in overlay.objects else ():
                if state.gone:
                    held.pop(key, None)
                elif state.kind == APPENDED or key in held:
                    blank = dict.fromkeys(kind.properties) | {kind.key: int(key) if name == "order" else key}
                    held[key] = {**(blank if state.kind == APPENDED else held[key]), **state.values}
            rows[name] = list(held.values())
        return with_rows(made, rows, release.access)

    def app(self, **more: Any) -> FastAPI:
        seen = EditsSeen(self.edits, self.edited)
        options = {"recognises": AsAnyone(self.caller), "past": seen, **more}
        return create_app(settings_in(self.folder), self.log, clock=lambda: NOW, poll_seconds=0.02, **options)

    @contextmanager
    def served(self, **more: Any) -> Iterator[TestClient]:
        with TestClient(self.app(**more), raise_server_exceptions=False) as client:
            yield client
