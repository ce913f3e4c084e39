"""Places that a filter names, as numbers: circles, boxes and polygons on longitude and latitude.

A geopoint is one point, so that lying within a shape and touching it are the same. How a point is held
against a shape is found in `engine`.
"""

from __future__ import annotations

import json
from typing import Final, assert_never

from pydantic import TypeAdapter, ValidationError

from palantir_assets.errors import QueryError
from palantir_assets.query.fields import Column
from palantir_assets.query.forms import BoxForm, CenterForm, GeoJsonForm, PointForm, PolygonForm, ShapeForm
from palantir_assets.query.predicates import AnyOf, InBox, InPolygon, Near, Not, Predicate, Ring

EARTH_RADIUS_METERS: Final = 6_371_008.8
"""The mean radius of the WGS 84 ellipsoid (IUGG)."""
METERS: Final = {
    "MILLIMETERS": 0.001, "CENTIMETERS": 0.01, "METERS": 1.0, "KILOMETERS": 1_000.0,
    "INCHES": 0.0254, "FEET": 0.3048, "YARDS": 0.9144, "MILES": 1_609.344, "NAUTICAL_MILES": 1_852.0,
}  # fmt: skip
_POLYGON: Final = TypeAdapter(PolygonForm)
_POINT: Final = TypeAdapter(PointForm)
_MAX_POLYGONS: Final = 50


def distance_test(column: Column, center: CenterForm) -> Predicate:
    longitude, latitude = center.center.coordinates
    return Near(_geopoint(column), float(longitude), float(latitude), float(center.distance.value) * METERS[center.distance.unit])


def box_test(column: Column, kind: str, box: BoxForm) -> Predicate:
    test = _box(_geopoint(column), box)
    return Not(test) if kind.startswith("doesNot") else test


def polygon_test(column: Column, kind: str, polygon: PolygonForm) -> Predicate:
    test = InPolygon(_geopoint(column), (_rings(polygon),))
    return Not(test) if kind.startswith("doesNot") else test


def shape_test(column: Column, form: ShapeForm) -> Predicate:
    """Of a point, WITHIN and INTERSECTS ask the same; no point contains a shape."""
    if form.spatial_filter_mode == "CONTAINS":
        raise QueryError(f"{column.name!r} is of type geopoint, and a point contains no shape; use WITHIN, INTERSECTS or DISJOINT")
    test = _shape(_geopoint(column), form.geometry)
    return Not(test) if form.spatial_filter_mode == "DISJOINT" else test


def _geopoint(column: Column) -> Column:
    if column.type != "geopoint":
        raise QueryError(f"{column.name!r} is of type {column.type}; only a geopoint lies somewhere")
    return column


def _box(column: Column, box: BoxForm) -> InBox:
    (west, north), (east, south) = box.top_left.coordinates, box.bottom_right.coordinates
    if south > north:
        raise QueryError("topLeft lies south of bottomRight; a box is given by its north-western and its south-eastern corner")
    return InBox(column, float(west), float(south), float(east), float(north))


def _rings(polygon: PolygonForm) -> tuple[Ring, ...]:
    rings = tuple(tuple((float(x), float(y)) for x, y in ring) for ring in polygon.coordinates)
    if any(ring[0] != ring[-1] for ring in rings):
        raise QueryError("a ring of a polygon must end in the point it began with")
    return rings


def _shape(column: Column, geometry: BoxForm | GeoJsonForm) -> Predicate:
    match geometry:
        case BoxForm():
            return _box(column, geometry)
        case GeoJsonForm():
            return _geojson(column, geometry.geo_json)
        case _:
            assert_never(geometry)


def _geojson(column: Column, text: str) -> Predicate:
    try:
        raw = json.loads(text)
        kind, coordinates = raw["type"], raw["coordinates"]
        if kind == "Polygon":
            return InPolygon(column, (_rings(_POLYGON.validate_python(raw)),))
        if kind == "MultiPolygon" and 0 < len(coordinates) <= _MAX_POLYGONS:
            polygons = [_POLYGON.validate_python({"type": "Polygon", "coordinates": part}) for part in coordinates]
            return InPolygon(column, tuple(_rings(polygon) for polygon in polygons))
        if kind in ("Point", "MultiPoint") and 0 < len(coordinates) <= 1_000:
            points = [coordinates] if kind == "Point" else coordinates
            return AnyOf(tuple(_point(column, _POINT.validate_python({"type": "Point", "coordinates": point})) for point in points))
    except (ValueError, TypeError, KeyError, RecursionError, ValidationError):
        raise QueryError("geoJson: this is no GeoJSON geometry") from None
    raise QueryError(f"geoJson: a {str(kind)[:40]} cannot be asked for; Point, MultiPoint, Polygon and MultiPolygon can")


def _point(column: Column, point: PointForm) -> InBox:
    longitude, latitude = (float(part) for part in point.coordinates)
    return InBox(column, longitude, latitude, longitude, latitude)
