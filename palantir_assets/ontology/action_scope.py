"""What an action's expressions may read, and whether a declared value fits a type: the ground of the rules of actions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Final

from palantir_assets.errors import did_you_mean
from palantir_assets.ontology.criteria import expression_of, plain_of, reads, typed
from palantir_assets.ontology.describing import added_properties
from palantir_assets.ontology.expressions import ExpressionError, Kind, kind_of
from palantir_assets.ontology.spec import PROPERTY_TYPES, SCALAR_TYPES, Action, ActionParameter, Ontology, PropertyType, Scalar
from palantir_assets.ontology.wording import a

CALLER_KINDS: Final[Mapping[str, Kind]] = {"caller.id": "string", "caller.roles": "array"}
MOMENTS: Final[Mapping[str, Kind]] = {"now": "timestamp", "today": "date"}
TAKEN: Final = ("caller", "now", "today")
"""Names that no parameter may have."""
SETTABLE: Final = (*SCALAR_TYPES, "attachment", "marking")
"""Types of properties that an action can set."""

_ATTRIBUTE_KINDS: Final[Mapping[str, Kind]] = {
    "string": "string", "integer": "number", "double": "number", "boolean": "boolean", "strings": "array",
}  # fmt: skip


def scope_of(ontology: Ontology, action: Action, *, each: Collection[str] = ()) -> dict[str, Kind]:
    """The kind of every name that an action's expressions may read. An object is its key; `bicycle.gears` one of its properties.

    Of a list nothing can be read but the whole of it, unless it is one of `each`: then it is one of its objects.
    """
    kinds: dict[str, Kind] = {**CALLER_KINDS, **MOMENTS, **attribute_kinds(ontology)}
    for name, parameter in action.parameters.items():
        if parameter.list and name not in each:
            kinds[name] = "array"
        elif parameter.object in ontology.objects:
            owner = ontology.objects[parameter.object]
            types = types_of(ontology, owner.name)
            kinds |= {f"{name}.{prop}": kind_of(type_) for prop, type_ in types.items()}
            kinds |= {name: kind_of(types[owner.key])} if owner.key in types else {}
        elif parameter.type is not None:
            kinds[name] = kind_of(parameter.type)
    return kinds


def lists_read(action: Action, text: str) -> list[str]:
    """The lists of objects whose properties an expression reads: it is asked of each of them."""
    try:
        owners = {name.partition(".")[0] for name in reads(text) if "." in name}
    except ExpressionError:
        return []  # told where it is typed
    return [name for name, parameter in action.parameters.items() if parameter.list and parameter.object and name in owners]


def attribute_kinds(ontology: Ontology) -> dict[str, Kind]:
    """The kinds of the attributes that callers may have, where the specs declare any."""
    return {f"caller.{name}": _ATTRIBUTE_KINDS[type_] for name, type_ in ontology.attributes.items()}


def types_of(ontology: Ontology, object_type: str) -> dict[str, PropertyType]:
    """The type of everything an object of a type has, measures and scores included; unknown types are left out."""
    own = {name: ontology.base_type(prop) for name, prop in ontology.objects[object_type].properties.items()}
    own |= {name: prop.type for name, prop in added_properties(ontology, object_type).items()}
    return {name: type_ for name, type_ in own.items() if type_ in PROPERTY_TYPES}


def misfit(value: Scalar | None, wanted: PropertyType, kinds: Mapping[str, Kind]) -> str:
    """Why a declared value, or the expression that it is, cannot be of a type, in words; empty where it can. Null fits."""
    text = expression_of(value)
    if text is None:
        return "" if value is None or fits(plain_of(value), wanted) else f"is {value!r} where {a(wanted)} is needed"
    try:
        kind = typed(text, kinds)
    except ExpressionError as error:
        return _with_hint(str(error), kinds)
    return "" if kind in (kind_of(wanted), "null") else f"gives {a(kind)} where {a(wanted)} is needed"


def untrue(text: str, kinds: Mapping[str, Kind]) -> str:
    """Why an expression is no condition, in words; empty where it is one."""
    try:
        kind = typed(text, kinds)
    except ExpressionError as error:
        return _with_hint(str(error), kinds)
    return "" if kind in ("boolean", "null") else f"gives {a(kind)} where a boolean is needed"


def fits(value: object, wanted: PropertyType) -> bool:
    """Whether a value as YAML or JSON has it can be one of a type."""
    if isinstance(value, bool):
        return wanted == "boolean"
    match wanted:
        case "integer" | "long":
            return isinstance(value, int)
        case "double" | "decimal":
            return isinstance(value, (int, float))
        case "date" | "timestamp":
            return isinstance(value, str) and _is_moment(value, whole_days=wanted == "date")
        case "string" | "attachment" | "marking":
            return isinstance(value, str)
        case _:
            return False


def fitting_parameter(parameter: ActionParameter, ontology: Ontology) -> PropertyType | None:
    """The type of a parameter's value: an object's is that of its key; None where that is told elsewhere."""
    if parameter.object is None:
        return parameter.type
    owner = ontology.objects.get(parameter.object)
    return types_of(ontology, owner.name).get(owner.key) if owner else None


def _is_moment(text: str, *, whole_days: bool) -> bool:
    try:
        if whole_days:
            date.fromisoformat(text)
        else:
            datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _with_hint(message: str, kinds: Mapping[str, Kind]) -> str:
    before, _, rest = message.partition("unknown property '")
    name = rest.rpartition("'")[0]
    hint = did_you_mean(name, kinds) if rest else ""
    return (f"{before}unknown name {name!r}" if rest else message) + (f"; {hint}" if hint else "")
