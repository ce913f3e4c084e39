"""The JSON of an object, ready to be sent, as one SQL expression over the release's columns.

Shape and spelling are Foundry's: nulls are left out, a long is a string, times end in Z. NaN and infinity
cannot be told in JSON and are left out like null, inside an array they are null; a decimal is a text with all its
digits, a geopoint a GeoJSON point. Where the bytes are kept is told in `rows`.
"""

from __future__ import annotations

import json

from palantir_assets.engine.keys import key_text as key_text
from palantir_assets.names import literal, quoted
from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.spec import PropertyType


def ready_select(kind: ServedType, source: str) -> str:
    """`SELECT _row, key, body FROM source`: row number, key as text, object as JSON text, in the order of the source."""
    key = kind.find_property(kind.key).type
    return f"SELECT _row, {key_sql(quoted(kind.key), key)} AS key, {_body(kind)} AS body FROM {source}"


def key_sql(column: str, of: PropertyType) -> str:
    """A key as it stands in a URL: the text of its JSON value, without quotes."""
    if of == "timestamp":
        return f"(replace({column}::VARCHAR, ' ', 'T') || 'Z')"
    return f"{column}::VARCHAR"


def _body(kind: ServedType) -> str:
    """concat() leaves out its null arguments, and a piece whose value is null is null."""
    key = kind.find_property(kind.key).type
    rid = f"{literal(f'ri.ontology.main.object.{kind.name}.')} || {key_sql(quoted(kind.key), key)}"
    pieces = [
        f"""'{{"__rid":' || to_json({rid})::VARCHAR""",
        f"""',"__primaryKey":' || {_value(quoted(kind.key), key)}""",
        literal(f',"__apiName":{json.dumps(kind.name)}'),
        """',"__title":' || to_json(_title)::VARCHAR""",
        *(f"{literal(f',{json.dumps(name)}:')} || {value_sql(quoted(name), prop)}" for name, prop in kind.properties.items()),
        "'}'",
    ]
    return f"concat({', '.join(pieces)})"


def value_sql(column: str, prop: ServedProperty) -> str:
    """The JSON of a property's value as a SQL text; null where there is nothing to tell."""
    match prop.type:
        case "array":
            return _list(column, _value("item", prop.of or "string"))
        case "vector":
            whole = f"list_bool_and(list_transform({column}::FLOAT[], lambda number: coalesce(isfinite(number), false)))"
            return f"CASE WHEN {whole} THEN {_list(f'{column}::FLOAT[]', 'item::VARCHAR')} END"
        case "struct":
            fields = (
                f"{literal(f'{json.dumps(name)}:')} || {_value(f'struct_extract({column}, {literal(name)})', of)}"
                for name, of in (prop.fields or {}).items()
            )
            return f"CASE WHEN {column} IS NOT NULL THEN '{{' || concat_ws(',', {', '.join(fields)}) || '}}' END"
        case "geopoint":
            longitude, latitude = (_value(f"struct_extract({column}, '{half}')", "double") for half in ("longitude", "latitude"))
            return f"""'{{"type":"Point","coordinates":[' || {longitude} || ',' || {latitude} || ']}}'"""
        case _:
            return _value(column, prop.type)


def _list(column: str, item: str) -> str:
    return f"'[' || array_to_string(list_transform({column}, lambda item: coalesce({item}, 'null')), ',') || ']'"


def _value(column: str, of: PropertyType) -> str:
    match of:
        case "string" | "timeseries" | "attachment" | "marking":
            return f"to_json({column})::VARCHAR"
        case "double":
            return f"CASE WHEN isfinite({column}) THEN to_json({column})::VARCHAR END"
        case "long" | "decimal":
            return f"""'"' || {column}::VARCHAR || '"'"""
        case "timestamp":
            return f"""CASE WHEN isfinite({column}) THEN '"' || {key_sql(column, of)} || '"' END"""
        case "date":
            return f"""CASE WHEN isfinite({column}) THEN '"' || {column}::VARCHAR || '"' END"""
        case "integer" | "boolean":
            return f"{column}::VARCHAR"
        case _:
            raise AssertionError(f"a {of} is told by value_sql")
