"""From files to specs: a strict YAML reader, and every problem told at once with file and line.

The reader knows YAML 1.2 booleans and nulls only (`no`, `on` and `1:30` stay text), no aliases, no tags, no
duplicate keys, at most 256 kB and 20 levels. Whether the specs fit together is asked in `ontology.rules`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from palantir_assets.errors import Place, Problem, SpecError, did_you_mean
from palantir_assets.ontology.broken import Broken, Wreck
from palantir_assets.ontology.spec import ObjectType, Ontology, SharedFile

MAX_BYTES: Final = 256_000
MAX_DEPTH: Final = 20
SECTIONS: Final = tuple(SharedFile.model_fields)

_SCALARS: Final = (
    (re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), lambda text: text.lower() == "true"),
    (re.compile(r"^(null|Null|NULL|~|)$"), lambda _: None),
    (re.compile(r"^[-+]?[0-9]+$"), int),
    (re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), float),
)

SpecPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file: its plain values and, for every path in it, the line it stands on."""

    file: Path
    values: dict[str, Any]
    lines: Mapping[SpecPath, int]

    def place(self, path: SpecPath = ()) -> Place:
        """The place of a path, or of the nearest thing around it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return Place(self.file, self.lines.get(path, 1))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Specs that can be read, with the place of every one of them; `broken` is what can be told of those that cannot."""

    ontology: Ontology
    documents: Mapping[tuple[str, str], tuple[Document, SpecPath]] = field(default_factory=dict)
    broken: Broken = field(default_factory=Broken)

    def lacks(self, name: str, section: str = "objects") -> bool:
        """Whether no file declares a name; one whose declaration is broken is told of there, not where it is named."""
        return name not in getattr(self.ontology, section) and not self.broken.may_declare(section, name)

    def place(self, section: str, name: str, *path: str | int) -> Place | None:
        """Where a part of a spec stands: `loaded.place("objects", "order", "links", "customer")`."""
        found = self.documents.get((section, name))
        return found[0].place(found[1] + path) if found else None


def read_specs(specs_dir: Path) -> tuple[Loaded, list[Problem]]:
    """The specs that can be read, and the problems of those that can't."""
    if not specs_dir.is_dir():
        return Loaded(Ontology()), [Problem("there is no such folder", Place(specs_dir), "`palantir init DIR` writes a minimal project")]
    problems: list[Problem] = []
    documents: dict[tuple[str, str], tuple[Document, SpecPath]] = {}
    sections: dict[str, dict[str, Any]] = {name: {} for name in ("objects", *SECTIONS)}
    wreck = Wreck()
    for file in sorted(path for path in specs_dir.rglob("*.y*ml") if path.suffix in (".yaml", ".yml")):
        document = _read(file, specs_dir.parent, problems, wreck)
        if document is None:
            continue
        for section, name, spec, path in _specs_in(document, problems, wreck):
            if name in sections[section]:
                other = documents[section, name][0].file
                problems.append(Problem(f"{section}: {name!r} is declared twice", document.place(path), f"first in {other}"))
                continue
            sections[section][name] = spec
            documents[section, name] = (document, path)
    return Loaded(Ontology.model_construct(None, **sections), documents, wreck.known()), problems


def parse_document(text: str, file: Path) -> Document:
    """Parse one file; raises SpecError with the one place where it stops being our YAML."""
    if len(text.encode()) > MAX_BYTES:
        raise SpecError([Problem(f"larger than {MAX_BYTES:,} bytes", Place(file), "split it into several files")])
    lines: dict[SpecPath, int] = {}
    try:
        _refuse_what_we_do_not_read(text, file)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        values = _plain(node, (), lines, file) if node is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SpecError(
            [Problem(f"not YAML: {getattr(error, 'problem', None) or error}", Place(file, mark.line + 1 if mark else 0))]
        ) from None
    if not isinstance(values, dict):
        raise SpecError([Problem("a spec file is a mapping", Place(file, 1))])
    return Document(file, values, lines)


def _refuse_what_we_do_not_read(text: str, file: Path) -> None:
    """Anchors, tags and deep nesting, found in the event stream before anything is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SpecError([Problem("anchors and aliases are not read", Place(file, line), "write the value out")])
        if tag := getattr(event, "tag", None):
            raise SpecError([Problem(f"the tag {tag} is not read", Place(file, line))])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise SpecError([Problem(f"nested more than {MAX_DEPTH} deep", Place(file, line))])


def _read(file: Path, root: Path, problems: list[Problem], wreck: Wreck) -> Document | None:
    shown, text = file.relative_to(root), ""
    try:
        text = file.read_text(encoding="utf-8")
        return parse_document(text, shown)
    except SpecError as error:
        problems.extend(error.problems)
        wreck.add_text(text)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(f"cannot be read: {error}", Place(shown)))
    return None


def _specs_in(document: Document, problems: list[Problem], wreck: Wreck) -> Iterator[tuple[str, str, Any, SpecPath]]:
    """Every spec of one file that can be read: an object type, or what stands in the sections of a shared file."""
    if "object" in document.values:
        spec = _validated(ObjectType, document, document.values, problems)
        if isinstance(spec, ObjectType):
            yield "objects", spec.name, spec, ()
        else:
            wreck.add_spec("objects", str(document.values["object"]), document.values)
        return
    for section, entries in document.values.items():
        if section not in SECTIONS or not isinstance(entries, dict):
            _validated(SharedFile, document, {section: entries}, problems)
            wreck.add_text(repr(entries))
            continue
        for name, entry in entries.items():
            shared = _validated(SharedFile, document, {section: {name: entry}}, problems)
            if shared is None:
                wreck.add_spec(section, name, entry)
                continue
            yield section, name, getattr(shared, section)[name], (section, name)


def _validated(model: type[BaseModel], document: Document, values: object, problems: list[Problem]) -> BaseModel | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems.extend(_problem(model, document, details) for details in error.errors(include_url=False, include_context=False))
        return None


def _problem(model: type[BaseModel], document: Document, details: Any) -> Problem:
    path: SpecPath = tuple(part for part in details["loc"] if part != "[key]")
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


def _plain(node: yaml.Node, path: SpecPath, lines: dict[SpecPath, int], file: Path) -> Any:
    """A composed node as plain values; notes the line of every path on the way."""
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, file)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*path, index), lines, file) for index, child in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: SpecPath, lines: dict[SpecPath, int], file: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in values:
            raise SpecError([Problem(f"the key {key!r} stands twice", Place(file, line), f"first on line {lines[*path, key]}")])
        lines[(*path, key)] = line
        values[key] = _plain(value_node, (*path, key), lines, file)
    return values


def _scalar(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode) or node.style not in (None, ""):
        return node.value
    for pattern, read in _SCALARS:
        if pattern.match(node.value):
            return read(node.value)
    return node.value
