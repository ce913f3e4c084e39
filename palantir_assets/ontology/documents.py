"""One spec file as plain values, read by a strict YAML reader, with the line of everything in it.

It knows YAML 1.2 booleans and nulls only (`no`, `on` and `1:30` stay text), no aliases, no tags, no duplicate keys, at
most 256 kB and 20 levels. What the values mean is asked in `ontology.sections`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from palantir_assets.errors import Place, Problem, SpecError

MAX_BYTES: Final = 256_000
MAX_DEPTH: Final = 20

SpecPath = tuple[str | int, ...]


_SCALARS: Final = (
    (re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), lambda text: text.lower() == "true"),
    (re.compile(r"^(null|Null|NULL|~|)$"), lambda _: None),
    (re.compile(r"^[-+]?[0-9]+$"), int),
    (re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), float),
)


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
