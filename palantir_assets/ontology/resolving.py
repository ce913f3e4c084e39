"""What specs say in short, written out: shared properties where they are used, and the files that functions live in.

After it a property has a type of its own, and a function's entry is a path below the specs. What cannot be
resolved stays as it was and is told by the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from palantir_assets.ontology.documents import MAX_BYTES
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Function, InterfaceProperty, Property, SharedProperty

TYPE_WORDS: Final = ("type", "of", "fields", "size", "digits")
OTHER_WORDS: Final = ("label", "description", "unit", "status", "aliases")

P = TypeVar("P", Property, InterfaceProperty)


def resolved(loaded: Loaded, specs_dir: Path) -> Loaded:
    """The specs written out."""
    ontology = loaded.ontology
    shared = ontology.shared_properties
    functions = {name: _placed(loaded, name, function, specs_dir) for name, function in ontology.functions.items()}
    changed: dict[str, Any] = {"functions": functions, "files": dict(_files(functions, specs_dir))}
    if shared:
        changed["objects"] = {
            name: found.model_copy(update={"properties": _written_out(found.properties, shared)})
            for name, found in ontology.objects.items()
        }
        changed["interfaces"] = {
            name: found.model_copy(update={"properties": _written_out(found.properties, shared)})
            for name, found in ontology.interfaces.items()
        }
    return replace(loaded, ontology=ontology.model_copy(update=changed))


def _written_out(properties: Mapping[str, P], shared: Mapping[str, SharedProperty]) -> dict[str, P]:
    return {
        name: _with(prop, shared[prop.shared]) if prop.shared is not None and prop.shared in shared else prop
        for name, prop in properties.items()
    }


def _with(prop: P, shared: SharedProperty) -> P:
    """A property with the type of a shared one, and its words where it has none of its own."""
    words = {word: getattr(shared, word) for word in OTHER_WORDS if word not in prop.model_fields_set}
    if not set(TYPE_WORDS) & prop.model_fields_set:  # another type than the shared one's is told by a rule
        words |= {word: getattr(shared, word) for word in TYPE_WORDS}
    return prop.model_copy(update=words)


def _placed(loaded: Loaded, name: str, function: Function, specs_dir: Path) -> Function:
    found = loaded.documents.get(("functions", name))
    folder = found[0].file.parent.relative_to(specs_dir.name) if found else Path()
    return function.model_copy(update={"entry": (folder / function.entry).as_posix()})


def _files(functions: Mapping[str, Function], specs_dir: Path) -> list[tuple[str, str]]:
    """The text of every file that can be read; one that cannot is told by a rule."""
    found = []
    for source in sorted({function.entry.partition(":")[0] for function in functions.values()}):
        path = specs_dir / source
        try:
            if path.is_file() and path.stat().st_size <= MAX_BYTES:
                found.append((source, path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError):
            continue
    return found
