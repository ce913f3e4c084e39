"""What is stale, and why. Staleness is about content: an asset is stale when what decides its content changed.

It is stale on its own account when it was never made, when its code version is another, or when an input has
another content version than the one it was made from. What merely lies downstream of a stale asset is not stale
yet: its input may come out the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Node:
    """An asset as declared today: the version of its code, and the inputs it reads (other assets, or "source")."""

    code_version: str
    inputs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Made:
    """An asset as it was last made: code version, content version, and the content version of each input."""

    code_version: str
    data_version: str
    inputs: Mapping[str, str] = field(default_factory=dict)


def stale(nodes: Mapping[str, Node], made: Mapping[str, Made], given: Mapping[str, str]) -> dict[str, str]:
    """Every asset that is stale on its own account, with the reason in words.

    `given` holds content versions of inputs that are no assets (the bytes of a source, by "source:<asset>").
    """
    current = {name: record.data_version for name, record in made.items()} | dict(given)
    found = {}
    for name, node in nodes.items():
        reason = _reason(node, made.get(name), current)
        if reason:
            found[name] = reason
    return found


def downstream(nodes: Mapping[str, Node], roots: Collection[str]) -> frozenset[str]:
    """Everything that reads, directly or not, from the given assets; without those assets themselves."""
    found: set[str] = set()
    front = set(roots)
    while front:
        front = {name for name, node in nodes.items() if node.inputs & front} - found
        found |= front
    return frozenset(found)


def _reason(node: Node, made: Made | None, current: Mapping[str, str]) -> str:
    if made is None:
        return "was never made"
    if made.code_version != node.code_version:
        return "is declared otherwise than when it was made"
    for name in sorted(node.inputs):
        if name in current and made.inputs.get(name) != current[name]:
            return f"was made from another {name}"
    return ""
