"""One value as the JSON of an object spells it. Whole objects are told in `shaping`."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from palantir_assets.ontology.spec import PropertyType

_AS_TEXT: Final = ("long", "decimal")


def plain(kind: PropertyType, value: Any) -> Any:
    """One value that is no array."""
    match value:
        case datetime():
            return value.isoformat(timespec="auto").rstrip("0") + "Z" if value.microsecond else value.isoformat() + "Z"
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")  # as the ready JSON: no exponent
        case bool():
            return value
        case float():
            return value if math.isfinite(value) else None
        case int():
            return str(value) if kind in _AS_TEXT else value
        case {"longitude": x, "latitude": y} if kind == "geopoint":
            return {"type": "Point", "coordinates": [x, y]}
        case _:
            return value
