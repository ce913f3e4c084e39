"""What one spec file declares: its specs one by one, each with its place, or the problem of each that cannot be read.

A file is an object type, or holds sections: of named specs, of a list, or of one thing. Whether names meet is asked in
`ontology.rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.broken import Wreck
from palantir_assets.ontology.documents import Document, SpecPath
from palantir_assets.ontology.spec import LISTED, SINGLE, ObjectType, SharedFile

SECTIONS: Final = tuple(SharedFile.model_fields)

Found = tuple[str, str, Any, SpecPath]
"""A section, a name in it, what is declared, and where in the file."""


def specs_in(document: Document, problems: list[Problem], wreck: Wreck) -> Iterator[Found]:
    """Every spec of one file that can be read; the problems of the others, and what can be told of them."""
    if "object" in document.values:
        spec = _validated(ObjectType, document, document.values, problems)
        if isinstance(spec, ObjectType):
            yield "objects", spec.name, spec, ()
        else:
            wreck.add_spec("objects", str(document.values["object"]), document.values)
        return
    for section, entries in document.values.items():
        found = _parts(document, section, entries)
        if found is None:
            _validated(SharedFile, document, {section: entries}, problems)
            wreck.add_text(repr(entries))
            continue
        for name, part, path in found:
            shared = _validated(SharedFile, document, {section: part}, problems, at=path)
            if shared is None:
                wreck.add_spec(section, name, part.get(name) if isinstance(part, dict) else part)
            else:
                yield section, name, _declared(getattr(shared, section), section, name), path


def _parts(document: Document, section: str, entries: object) -> list[tuple[str, object, SpecPath]] | None:
    """(name, a section that holds it alone, its place) of every entry; None for what is no section of ours."""
    if section in SINGLE:
        return [(section, entries, (section,))]
    if section in LISTED and isinstance(entries, list):
        return [(f"{document.file}#{index}", [entry], (section, index)) for index, entry in enumerate(entries)]
    if section == "roles" and isinstance(entries, list) and all(isinstance(name, str) for name in entries):
        return [(name, {name: {}}, (section, index)) for index, name in enumerate(entries)]
    if section in SECTIONS and section not in LISTED and isinstance(entries, dict):
        return [(name, {name: entry}, (section, name)) for name, entry in entries.items()]
    return None


def _declared(said: Any, section: str, name: str) -> Any:
    """What a section that was read with one entry alone declares."""
    return said if section in SINGLE else said[0] if section in LISTED else said[name]


def _validated(
    model: type[BaseModel], document: Document, values: object, problems: list[Problem], *, at: SpecPath = ()
) -> BaseModel | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems.extend(_problem(model, document, details, at) for details in error.errors(include_url=False, include_context=False))
        return None


def _problem(model: type[BaseModel], document: Document, details: Any, at: SpecPath) -> Problem:
    """One problem in words. `at` is where the values really stand, which begin elsewhere where they were read alone."""
    found: SpecPath = tuple(part for part in details["loc"] if part != "[key]")
    path = (*at, *found[len(at) :])
    here = ".".join(str(part) if str(part).isprintable() else repr(part) for part in path)
    if details["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        return Problem(
            f"unknown key {path[-1]!r}", document.place(path), did_you_mean(str(path[-1]), known) or f"known here: {', '.join(known)}"
        )
    if details["type"] == "missing":
        return Problem(f"{path[-1]!r} is missing" + (f" in {'.'.join(map(str, path[:-1]))}" if path[1:] else ""), document.place(path))
    return Problem(f"{here}: {details['msg'].removeprefix('Value error, ')}, got {_short(details['input'])}", document.place(path))


def _known_keys(model: type[BaseModel], path: SpecPath) -> list[str]:
    """The keys a mapping at `path` may have, found by walking the models' annotations."""
    current: Any = model
    for part in path:
        fields = getattr(current, "model_fields", None)
        if fields is None:
            continue
        by_key = {info.alias or name: info for name, info in fields.items()}
        if part in by_key:
            current = _inner_model(by_key[str(part)].annotation) or current
    return [info.alias or name for name, info in getattr(current, "model_fields", {}).items()]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner_model(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in found if model), None)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
