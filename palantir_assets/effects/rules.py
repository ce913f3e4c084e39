"""Rules at work: asked of the differences of past releases, and, once armed, of every new release and every new edit.

Which objects meet a rule is decided in `actions.automations`, what differs in `release.differences`; that a rule fires
once is the transaction of `stores.rules`. Edits are looked at first, so that what a release takes over from them is known.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from palantir_assets.actions.automations import Crossing, Firing, Rule, fires
from palantir_assets.actions.edits import Change, Edit, ObjectEdit, Values, after, diff
from palantir_assets.actions.recording import read
from palantir_assets.errors import LedgerError, ReleaseError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.ontology.served_rules import ServedRule
from palantir_assets.ontology.spec import Label
from palantir_assets.release.differences import differences, objects_at, ontology_in
from palantir_assets.release.log import Pointer
from palantir_assets.release.manifest import read_manifest
from palantir_assets.release.reading import read_access
from palantir_assets.stores.edit_rows import EditRecord, NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.mail_choices import MailChoices
from palantir_assets.stores.rules import Armed, ArmedRules, NewFiring

LOG: Final = logging.getLogger(__name__)

AT_ONCE: Final = 5000
"""Edits of one look at the most."""
NAMED: Final = 10
TOLD: Final = 100
"""Keys that a mail names, and that a webhook is told."""
_FIELD: Final = re.compile(r"\{(\w+)\}")


def asked(rule: ServedRule) -> Rule:
    """A rule as differences are asked by it."""
    crossing = Crossing(rule.crossing.property, rule.crossing.above, rule.crossing.below) if rule.crossing else None
    return Rule(rule.name, rule.object, rule.on, rule.properties, crossing, rule.where, rule.at_least)


def backtest(rule: ServedRule, pointers: Sequence[Pointer], shelf: Path) -> Iterator[tuple[Pointer, Firing | None]]:
    """Every release whose predecessor is on the shelf too, oldest first, and what the rule would have fired on there."""
    for before, now in pairwise(pointers):
        if (shelf / before.release_id).is_dir() and (shelf / now.release_id).is_dir():
            yield now, met(rule, shelf / before.release_id, shelf / now.release_id, at=f"release {now.release_no}")


def met(rule: ServedRule, before: Path, now: Path, *, at: str, but: Mapping[tuple[str, str], Change] | None = None) -> Firing | None:
    """What a rule fires on between two releases, leaving out what `but` tells already. Raises ReleaseError."""
    kind = ontology_in(now).types.get(rule.object)
    if kind is None:
        return None
    values: dict[str, Values] = {}
    changes = []
    for change, held in differences(before, now, rule.object):
        if (left := _without(change, (but or {}).get((change.type, change.key)))) is not None:
            changes.append(left)
            values[change.key] = held
    return fires(asked(rule), changes, at=at, kind=kind, objects=lambda _, key: values.get(key))


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks on for every armed rule. `look` may be called by any number of processes."""

    rules: ArmedRules
    ledger: Ledger
    edits: EditLog
    choices: MailChoices
    shelf: Path
    clock: Callable[[], datetime]

    def look(self) -> int:
        """Look at what is new; how many rules moved on. Raises LedgerError."""
        armed = self.rules.all()
        pointers = self.ledger.list() if armed else ()
        if not pointers:
            return 0
        try:
            ontology = ontology_in(self.shelf / pointers[-1].release_id)
        except ReleaseError as error:
            LOG.error("rules wait for a release that can be read: %s", error.message)
            return 0
        live = [rule for name, rule in ontology.rules.items() if name in armed and armed[name].digest == rule.digest]
        live = sorted((rule for rule in live if rule.status != "deprecated"), key=lambda rule: (rule.order, rule.name))
        return sum(self._carefully(rule, armed[rule.name], ontology, pointers) for rule in live)

    def _carefully(self, rule: ServedRule, armed: Armed, ontology: ServedOntology, pointers: Sequence[Pointer]) -> bool:
        """One rule that cannot look stops neither the others nor the mails; it stays where it is and looks again."""
        try:
            return self._look(rule, armed, ontology, pointers)
        except LedgerError:
            raise
        except Exception as error:
            LOG.error("rule %s cannot look on: %s: %s", rule.name, type(error).__name__, error)
            return False

    def _look(self, rule: ServedRule, armed: Armed, ontology: ServedOntology, pointers: Sequence[Pointer]) -> bool:
        """At new edits, or if there are none at the next release."""
        if self.edits.head() > armed.edit_no:
            return self._look_at_edits(rule, armed, ontology, pointers[-1])
        if pointers[-1].release_no > armed.release_no:
            return self._look_at_a_release(rule, armed, ontology, pointers)
        return False

    def _look_at_edits(self, rule: ServedRule, armed: Armed, ontology: ServedOntology, head: Pointer) -> bool:
        records = self.edits.since(armed.edit_no, AT_ONCE)
        changes = [change for change in diff(_readable(records)) if change.type == rule.object]
        span = f"edits {armed.edit_no + 1} to {records[-1].edit_no}"
        kind = ontology.types.get(rule.object)
        firing = None
        if changes and kind is not None:
            values = self._values(self.shelf / head.release_id, rule.object, [change.key for change in changes], records[-1].edit_no)
            firing = fires(asked(rule), changes, at=span, kind=kind, objects=lambda _, key: values.get(key))
        return self._told(rule, armed, ontology, firing, span, edit_no=records[-1].edit_no)

    def _look_at_a_release(self, rule: ServedRule, armed: Armed, ontology: ServedOntology, pointers: Sequence[Pointer]) -> bool:
        by_no = {pointer.release_no: pointer for pointer in pointers}
        number = armed.release_no + 1
        before, now = by_no.get(armed.release_no), by_no[number]
        span = f"release {number}"
        firing = None
        try:
            if before is not None:
                one, two = self.shelf / before.release_id, self.shelf / now.release_id
                firing = met(rule, one, two, at=span, but=self._taken_over(one, two))
        except (ReleaseError, OSError) as error:
            LOG.warning("rule %s cannot look at release %s, which is passed over: %s", rule.name, number, error)
        return self._told(rule, armed, ontology, firing, span, release_no=number)

    def _taken_over(self, before: Path, now: Path) -> Mapping[tuple[str, str], Change]:
        """What the second release took over from edits, which were looked at when they were made."""
        first, last = (read_manifest(folder).edit_watermark for folder in (before, now))
        changes = diff(_readable(_every(self.edits, first, last)))
        return {(change.type, change.key): change for change in changes}

    def _values(self, folder: Path, object_type: str, keys: Sequence[str], last: int) -> dict[str, Values]:
        """Objects as they are after an edit: as the release has them, with every edit since it was made."""
        found: dict[str, Values | None] = dict(objects_at(folder, object_type, keys))
        for edit in _readable(_every(self.edits, read_manifest(folder).edit_watermark, last)):
            if isinstance(edit, ObjectEdit) and edit.type == object_type and edit.key in keys:
                found[edit.key] = after(found.get(edit.key), edit)
        return {key: values for key, values in found.items() if values is not None}

    def _told(
        self, rule: ServedRule, armed: Armed, ontology: ServedOntology, firing: Firing | None, span: str, **to: int
    ) -> bool:  # fmt: skip
        new = None
        if firing is not None:
            evidence = [{"key": e.change.key, "kind": e.change.kind, "properties": sorted(e.change.properties)} for e in firing.evidence]
            new = NewFiring(span, evidence, effects_of(rule, firing, ontology, self._holders))
        return self.rules.looked(armed, new, at=self.clock(), **to)

    def _holders(self, role: str) -> Sequence[str]:
        """Who holds a role, or one that includes it, by the rules of the release that is served."""
        head = self.ledger.head()
        access = read_access(self.shelf / head.release_id) if head is not None else ServedAccess()
        return self.choices.holders(access.holding(role))


def effects_of(rule: ServedRule, firing: Firing, ontology: ServedOntology, holders: Callable[[str], Sequence[str]]) -> list[NewEffect]:
    """What follows a firing: a mail for each who is written to; no value of an object leaves, only keys."""
    keys = [each.change.key for each in firing.evidence]
    told = {"rule": rule.name, "at": firing.at, "count": len(keys), "keys": keys[:TOLD]}
    found: list[NewEffect] = []
    for effect in rule.then:
        if effect.kind == "mail":
            mail, to = ontology.mails[effect.names[0]], effect.to or ""
            payload = {"template": effect.names[0], "subject": _filled(mail.subject, rule, told), "text": _filled(mail.text, rule, told)}
            people = holders(to.removeprefix("role:")) if to.startswith("role:") else [to]
            found += [NewEffect("mail", each, payload) for each in people]
        elif effect.kind == "materialize":
            found.append(NewEffect("materialize", ",".join(effect.names), {"assets": list(effect.names)}))
        else:
            found.append(NewEffect(effect.kind, effect.names[0], told if effect.kind == "webhook" else {}))
    return found


def _filled(words: Label, rule: ServedRule, told: Mapping[str, object]) -> dict[str, str]:
    keys = told["keys"]
    assert isinstance(keys, list), "a firing names its keys"
    said = {}
    for language, text, name in (("en", words.en, rule.label.en), ("ko", words.ko or words.en, rule.label.ko or rule.label.en)):
        fields = {"rule": name, "at": told["at"], "count": told["count"], "keys": ", ".join(map(str, keys[:NAMED]))}
        said[language] = _FIELD.sub(lambda found, fields=fields: str(fields.get(found[1], found[0])), text)  # type: ignore[misc]
    return said


def _without(change: Change, told: Change | None) -> Change | None:
    """A change without what an edit told already: the same property with the same value, or the same coming or going."""
    if told is None:
        return change
    if change.kind != "modified":
        return None if told.kind == change.kind else change
    left = {name: pair for name, pair in change.properties.items() if name not in told.properties or told.properties[name][1] != pair[1]}
    return Change(change.kind, change.type, change.key, left) if left else None


def _every(edits: EditLog, first: int, last: int) -> Iterator[EditRecord]:
    while first < last:
        some = [each for each in edits.since(first, AT_ONCE) if each.edit_no <= last]
        if not some:
            return
        yield from some
        first = some[-1].edit_no


def _readable(records: Iterable[EditRecord]) -> Iterator[Edit]:
    """The edits of objects and links; a row that is neither changes nothing that a rule may look for."""
    for each in records:
        try:
            yield read(each.values)
        except (TypeError, KeyError, ValueError):
            LOG.warning("rules pass over edit %s: it cannot be read", each.edit_no)
