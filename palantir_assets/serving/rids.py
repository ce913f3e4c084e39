"""Resource identifiers, as Foundry writes them: a name in the ontology, said so that it is known anywhere.

They are made from names, so that they are the same in every release; `named` reads one back.
"""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal[
    "object-type",
    "property",
    "relation",
    "interface",
    "interface-link",
    "shared-property",
    "value-type",
    "function",
    "action-type",
    "action",
]

_SERVICES: Final[dict[Kind, str]] = {
    "function": "ri.function-registry.main.function", "action-type": "ri.actions.main.action-type", "action": "ri.actions.main.action",
}  # fmt: skip


def rid(kind: Kind, *names: str) -> str:
    """The identifier of a thing by its name, or by its owner's and its own.

    >>> rid("property", "order", "amount")
    'ri.ontology.main.property.order.amount'
    """
    return ".".join((_prefix(kind), *names))


def named(kind: Kind, text: str) -> str | None:
    """The name in an identifier of that kind; None if it is one of something else.

    >>> named("object-type", "ri.ontology.main.object-type.order")
    'order'
    """
    prefix = f"{_prefix(kind)}."
    return text.removeprefix(prefix) if text.startswith(prefix) else None


def _prefix(kind: Kind) -> str:
    return _SERVICES.get(kind, f"ri.ontology.main.{kind}")
