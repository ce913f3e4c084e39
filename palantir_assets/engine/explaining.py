"""What a caller sees of one object, and why: asked of the same views and rows that answer the caller.

Why a type or a property is hidden is said by `access.explaining`; here is whether the row rule shows the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from palantir_assets.access.explaining import Reason, why_property, why_type
from palantir_assets.access.principal import Principal
from palantir_assets.engine.ports import Released
from palantir_assets.engine.visibility import seen_by, visible


@dataclass(frozen=True, slots=True)
class Explained:
    """Whether a caller sees an object. `because` says why not, or which rule shows it; `hidden` why each property is not shown."""

    visible: bool
    because: tuple[Reason, ...]
    shown: tuple[str, ...] = ()
    hidden: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    missing: bool = False
    """Whether nobody sees it, because it is not there."""


def explained(release: Released, principal: Principal, object_type: str, key: str) -> Explained:
    """Raises UnknownName for a type that the release does not have, QueryTooLong where a row rule runs too long."""
    kind, row = release.ontology.find_type(object_type), release.row_of(object_type, key)
    if row is None:
        no_such = Reason(f"there is no {object_type} with this key", f"이 키를 가진 {object_type}이(가) 없습니다")
        return Explained(False, (no_such,), missing=True)
    view = seen_by(principal, release)
    if refused := why_type(view, release.access, object_type):
        return Explained(False, refused)
    rule = view.rules.get(object_type)
    seen = visible(view, release, object_type).has(row)
    if not seen:
        told = Reason(f"the rule of rows is not true of it: {rule}", f"행 규칙이 이 객체에 대해 참이 아닙니다: {rule}")
        return Explained(False, (told,))
    because = (
        Reason("the type may be read, and no rule of rows hides any", "유형을 읽을 수 있고, 행을 숨기는 규칙이 없습니다")
        if rule is None
        else Reason(f"the rule of rows is true of it: {rule}", f"행 규칙이 이 객체에 대해 참입니다: {rule}")
    )
    hidden = {prop: why for prop in kind.properties if (why := why_property(view, release.access, object_type, prop))}
    return Explained(True, (because,), tuple(prop for prop in kind.properties if prop not in hidden), hidden)


def erased() -> Explained:
    """Of an object that was erased: whether it was, is told by the ledger."""
    why = Reason("it was erased: nobody sees it, in no release", "파기되었습니다: 어느 릴리스에서도 아무도 볼 수 없습니다")
    return Explained(False, (why,), missing=True)
