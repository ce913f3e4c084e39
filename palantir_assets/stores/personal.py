"""What of an action is sealed before it is written, and opened again when it is read.

Of an edit, the values of personal properties, now and before; of an action on objects that have some, its parameters,
its stored reply and its side effects, under the keys of all these objects. Which properties are personal is told by
the specs; how a value is sealed, by `sealing`. Nobody above the stores sees what is sealed, nothing below what is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from palantir_assets.errors import EditRefused, Erased
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.stores.audit_chain import canonical
from palantir_assets.stores.edit_rows import Batch, NewEdit, NewEffect, Subject
from palantir_assets.stores.object_keys import Keys
from palantir_assets.stores.sealing import MARK, Json, Place, is_sealed, opened, sealed

Personal = Callable[[str], frozenset[str]]
"""The names of the personal properties of an object type."""

PARTS: Final = ("values", "previous")
"""Where an edit, as JSON, holds values by property."""
_MARKED: Final = f'"{MARK}"'
_SEALED_BYTES: Final = b"\0"


class AnswerErased(Erased):
    """A request that was answered once, and whose answer was erased with an object that it told of."""

    next_step = "it was done then, and is not done again: look at what is there now"


def nothing_is_personal(object_type: str) -> frozenset[str]:
    """Of an ontology without personal properties."""
    return frozenset()


def personal_in(ontology: ServedOntology) -> Personal:
    """Of the object types of an ontology; a stored link, or a type that it does not know, has none."""
    names = {name: kind.personal() for name, kind in ontology.types.items()}
    return lambda object_type: names.get(object_type, frozenset())


class PersonalNow:
    """The personal properties of every ontology learnt of so far: what was personal once stays sealed."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def __call__(self, object_type: str) -> frozenset[str]:
        return self._names.get(object_type, frozenset())

    def learn(self, ontology: ServedOntology) -> None:
        """Another ontology, such as that of a release which is served from now on."""
        self._names |= {name: self(name) | kind.personal() for name, kind in ontology.types.items()}


def subjects_of(batch: Batch, personal: Personal) -> tuple[Subject, ...]:
    """The objects with personal properties that a batch edits or tells of."""
    named = {(edit.object_type, edit.object_key) for edit in batch.edits} | set(batch.concerns)
    kinds = {kind for kind in {subject[0] for subject in named} if personal(kind)}
    return tuple(sorted(subject for subject in named if subject[0] in kinds)) if kinds else ()


def check(batch: Batch) -> None:
    """Raises EditRefused for values that could be taken for sealed ones."""
    held = [value for edit in batch.edits for part in PARTS for value in _part(edit.values, part).values()]
    if any(map(is_sealed, [batch.parameters, *(effect.payload for effect in batch.effects), *held])):
        raise EditRefused(f"the action {batch.action!r} holds a value named {MARK!r}, which is the ledger's own word")


def sealed_edit(edit: NewEdit, names: frozenset[str], keys: Keys, edit_no: int) -> str:
    """The values of an edit as they are kept. Raises Erased, or EditRefused for one that does not hold its values by property."""
    if not names or edit.kind == "erase":
        return canonical(edit.values)
    if not all(isinstance(edit.values.get(part), Mapping) for part in PARTS):
        raise EditRefused(f"the edit of {edit.object_type} {edit.object_key!r} is no edit as JSON: its personal values cannot be told")
    here = (edit.object_type, edit.object_key)
    mine = keys.of_or_new([here])
    parts = {
        part: {
            name: {MARK: sealed(value, mine, ("edit", edit_no, *here, part, name))} if name in names else value
            for name, value in _part(edit.values, part).items()
        }
        for part in PARTS
    }
    return canonical({**edit.values, **parts})


def opened_edit(text: str, edit_no: int, subject: Subject, keys: Keys) -> tuple[dict[str, Json], tuple[str, ...]]:
    """The values of an edit, and the names of those that were erased; they are null."""
    values: dict[str, Json] = json.loads(text)
    if _MARKED not in text:
        return values, ()
    mine, gone = keys.of([subject]), set()
    for part in PARTS:
        for name, value in _part(values, part).items():
            if not is_sealed(value):
                continue
            if mine is None:
                gone.add(name)
            values[part][name] = None if mine is None else opened(value[MARK], mine, ("edit", edit_no, *subject, part, name))
    return values, tuple(sorted(gone))


def sealed_text(value: Json, subjects: tuple[Subject, ...], keys: Keys, place: Place) -> str:
    """JSON as it is kept: sealed under the keys of all these objects, if there are any."""
    if not subjects:
        return canonical(value)
    return canonical({MARK: sealed(value, keys.of_or_new(subjects), place), "of": subjects})


def opened_text(text: str, keys: Keys, place: Place) -> Json | None:
    """The JSON that was kept; None if it was erased with one of the objects."""
    said = json.loads(text)
    if not is_sealed(said):
        return said
    mine = keys.of(_subjects(said))
    return None if mine is None else opened(said[MARK], mine, place)


def sealed_effect(effect: NewEffect, subjects: tuple[Subject, ...], keys: Keys, effect_no: int) -> tuple[str, str]:
    """The target and the payload of a side effect as they are kept: whom a mail is to is sealed with it.

    What stands for the recipient is the same for each of their mails, so that these can be counted.
    """
    if not subjects:
        return effect.target, canonical(effect.payload)
    text = sealed_text({"target": effect.target, "payload": dict(effect.payload)}, subjects, keys, ("effect", effect_no))
    return (keys.pseudonym(effect.target) if effect.kind == "mail" else effect.target), text


def opened_effect(target: str, text: str, effect_no: int, keys: Keys) -> tuple[str, Mapping[str, Json], bool]:
    """The target and the payload of a side effect, and whether they were erased."""
    if not text_subjects(text):
        return target, json.loads(text), False
    said = opened_text(text, keys, ("effect", effect_no))
    return (target, {}, True) if said is None else (said["target"], said["payload"], False)


def sealed_reply(body: bytes, subjects: tuple[Subject, ...], keys: Keys, place: Place) -> bytes:
    """A stored reply as it is kept."""
    if not subjects:
        return body
    return _SEALED_BYTES + sealed_text(body.decode("latin-1"), subjects, keys, place).encode()


def opened_reply(body: bytes, keys: Keys, place: Place) -> bytes:
    """The reply that was kept. Raises AnswerErased if it was erased with one of the objects that it tells of."""
    if not body.startswith(_SEALED_BYTES):
        return body
    text = body[1:].decode()
    said: str | None = opened_text(text, keys, place)
    if said is None:
        raise AnswerErased(*next((subject for subject in text_subjects(text) if keys.is_erased(subject)), text_subjects(text)[0]))
    return said.encode("latin-1")


def reply_subjects(body: bytes) -> tuple[Subject, ...]:
    """The objects under whose keys a stored reply is kept."""
    return text_subjects(body[1:].decode()) if body.startswith(_SEALED_BYTES) else ()


def text_subjects(text: str) -> tuple[Subject, ...]:
    """The objects under whose keys a kept text is sealed; none for one that is not."""
    if not text.startswith("{" + _MARKED):
        return ()
    return _subjects(json.loads(text))


def parameters_place(action_no: int) -> Place:
    """Where the parameters of an action stand."""
    return ("parameters", action_no)


def shown_place(action_no: int) -> Place:
    """Where stands what is shown of a proposed action."""
    return ("shown", action_no)


def reply_place(principal: str, key_hash: str) -> Place:
    """Where the reply to a request stands."""
    return ("reply", principal, key_hash)


def edit_subjects(edits: Iterable[tuple[str, Subject]]) -> set[Subject]:
    """Of edits as they are kept, each with its object: the objects whose keys it takes to read them."""
    return {subject for text, subject in edits if _MARKED in text}


def _subjects(said: Mapping[str, Any]) -> tuple[Subject, ...]:
    return tuple((object_type, key) for object_type, key in said["of"])


def _part(values: Mapping[str, object], part: str) -> dict[str, Json]:
    found = values.get(part)
    return dict(found) if isinstance(found, Mapping) else {}
