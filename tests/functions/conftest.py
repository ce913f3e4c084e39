"""A small shop whose release holds functions, and the service's side that runs them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.access.views import View
from palantir_assets.engine.visibility import seen_by
from palantir_assets.functions.running import Functions, Limits
from palantir_assets.graph.building import save
from palantir_assets.ontology.served_parts import ServedFunction
from palantir_assets.release.manifest import Provenance, Versions, canonical_json
from palantir_assets.release.reading import Release, open_release
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.release.writing import write_objects
from palantir_assets.settings import Settings
from tests.fakes.release import VIEWER, open_to_viewers, shop
from tests.fakes.shop_release import AS_OF, _table, settings_in

SOURCE = Path(__file__).with_name("shop_functions.py.txt").read_text(encoding="utf-8")

Declared = Mapping[str, Mapping[str, Any]]

INTEGER, STRING = {"type": "integer"}, {"type": "string"}
FUNCTIONS: Declared = {
    "add": {"parameters": {"left": INTEGER, "right": INTEGER}, "output": INTEGER},
    "echo": {
        "parameters": {
            "text": {"type": "string", "optional": True},
            "yes": {"type": "boolean", "optional": True},
            "large": {"type": "long", "optional": True},
            "real": {"type": "double", "optional": True},
            "exact": {"type": "decimal", "optional": True},
            "day": {"type": "date", "optional": True},
            "moment": {"type": "timestamp", "optional": True},
            "days": {"type": "array", "of": "date", "optional": True},
            "pair": {"type": "struct", "fields": {"day": "date", "name": "string"}, "optional": True},
            "order": {"type": "object", "object": "order", "optional": True},
        },
        "output": STRING,
    },
    "spent": {"parameters": {"customer": {"type": "object", "object": "customer"}}, "output": {"type": "double"}},
    "every_kind": {
        "output": {
            "type": "struct",
            "fields": {name: name for name in ("string", "boolean", "long", "double", "decimal", "date", "timestamp")},
        }
    },
    "days": {"output": {"type": "array", "of": "date"}},
    "first_order": {"output": {"type": "object", "object": "order"}},
    "paid_orders": {"output": {"type": "object_set", "object": "order"}},
    "unpaid_orders": {"output": {"type": "object_set", "object": "order"}},
    "paid_by": {
        "parameters": {"customer": {"type": "object", "object": "customer"}},
        "output": {"type": "struct", "fields": {"orders": "integer", "paid": "double"}},
    },
    "no_set": {"output": {"type": "object_set", "object": "order"}},
    "size": {"parameters": {"orders": {"type": "object_set", "object": "order"}}, "output": INTEGER},
    "caller": {"output": STRING},
    "release": {"output": STRING},
    "shape": {"parameters": {"what": STRING}, "output": INTEGER},
    "endless": {"output": INTEGER, "time_limit_seconds": 0.3},
    "endless_in_c": {"output": INTEGER, "time_limit_seconds": 0.3},
    "sleeper": {"parameters": {"seconds": {"type": "double"}}, "output": STRING, "time_limit_seconds": 20.0},
    "hog": {"parameters": {"how": STRING}, "output": INTEGER, "time_limit_seconds": 20.0},
    "raiser": {"output": INTEGER},
    "printer": {"output": INTEGER},
    "ender": {"parameters": {"how": STRING}, "output": INTEGER},
    "mischief": {"parameters": {"what": STRING, "where": STRING}, "output": STRING},
    "leaves_something": {"output": INTEGER},
    "leaves_a_thread": {"output": INTEGER},
    "process": {"output": INTEGER},
    "missing": {"output": INTEGER},
    "long_result": {"output": STRING},
}


@dataclass(frozen=True)
class Shop:
    settings: Settings
    release: Release
    functions: Functions

    @property
    def view(self) -> View:
        return seen_by(VIEWER, self.release)

    def call(self, name: str, **parameters: object) -> object:
        return self.functions.call(self.release, self.view, name, parameters)


def sealed(settings: Settings, source: str = SOURCE, declared: Declared = FUNCTIONS, *, orders: int = 250) -> Release:
    """The shop with functions, sealed and opened."""
    made = shop(orders=orders)
    functions = {
        name: ServedFunction.model_validate({"name": name, "version": "1.0.0", "entry": name, "source": "shop.py", **more})
        for name, more in declared.items()
    }
    ontology = made.ontology.model_copy(update={"functions": functions})
    with staging(Shelf(settings.releases)) as folder:
        (folder / "ontology.json").write_bytes(canonical_json(ontology.model_dump(mode="json")))
        (folder / "access.json").write_text(open_to_viewers(ontology).model_dump_json(), encoding="utf-8")
        (folder / "functions").mkdir()
        (folder / "functions" / "shop.py").write_text(source, encoding="utf-8")
        for name, kind in ontology.types.items():
            write_objects(_table(made, name), folder / "objects" / name, kind)
        for name, links in made.links.items():
            save(links, folder / "links" / name)
        candidate = seal_candidate(
            folder,
            Shelf(settings.releases),
            versions=Versions(code_version="1", spec_version="1", lock_version=hashlib.sha256(source.encode()).hexdigest()),
            provenance=Provenance(created_at=AS_OF, data_as_of=AS_OF),
            rows={name: made.count(name) for name in ontology.types},
        )
    return open_release(candidate.folder, settings.indexes)


@pytest.fixture(scope="session")
def functions_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    settings = settings_in(tmp_path_factory.mktemp("functions"))
    release, functions = sealed(settings), Functions(settings.indexes)
    yield Shop(settings, release, functions)
    functions.close()
    release.close()


@pytest.fixture
def running(functions_shop: Shop) -> Iterator[Callable[[Limits], Shop]]:
    """The same shop with other limits."""
    made: list[Functions] = []

    def start(limits: Limits) -> Shop:
        made.append(Functions(functions_shop.settings.indexes, limits))
        return Shop(functions_shop.settings, functions_shop.release, made[-1])

    yield start
    for each in made:
        each.close()
