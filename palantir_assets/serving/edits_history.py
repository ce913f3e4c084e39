"""The history of edits of an object type, in the shape of Foundry's Ontologies API v2: of objects that the caller sees now.

Hidden properties are cut out of every entry. Objects that are gone are told of where no row policy cuts the type: of
one that is gone nobody can say whether the caller saw it. Of one that was erased nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Annotated, Any, Final, Literal

import orjson
from anyio import to_thread
from fastapi import APIRouter
from pydantic import AwareDatetime, Field, StrictInt, StrictStr
from starlette.responses import Response

from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.actions.recording import read
from palantir_assets.actions.values import storable
from palantir_assets.applying.desk import Desk, Standpoint
from palantir_assets.applying.telling import sees_all
from palantir_assets.errors import QueryError
from palantir_assets.names import fingerprint
from palantir_assets.ontology.served_parts import ServedType
from palantir_assets.query.tokens import InvalidToken, PageToken, read_token, write_token
from palantir_assets.release.editing import Opened
from palantir_assets.serving.action_views import key_value
from palantir_assets.serving.bodies import Body
from palantir_assets.serving.datatypes import Json
from palantir_assets.serving.deps import CurrentExchange, CurrentRelease, check_ontology
from palantir_assets.serving.paging import checked_size
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded
from palantir_assets.serving.rids import named, rid
from palantir_assets.serving.standing import desk_of
from palantir_assets.stores.edit_rows import EditRecord

router = APIRouter(prefix="/api/v2/ontologies", tags=["Object types"], dependencies=CHECKED)
EDITS_AT_ONCE: Final = 100
SCANNED: Final = 1_000


class TimeFilter(Body):
    type: Literal["timestampFilter"]
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None


class OperationFilter(Body):
    type: Literal["operationIdsFilter"]
    operation_ids: list[StrictStr] = Field(max_length=100)


class HistoryRequest(Body):
    """Of one object by its key, or of all of a type; newest first unless it is asked otherwise."""

    object_primary_key: dict[str, Any] | None = Field(None, max_length=1)
    filters: Annotated[TimeFilter | OperationFilter, Field(discriminator="type")] | None = None
    sort_order: Literal["newest_first", "oldest_first"] | None = None
    include_all_previous_properties: bool | None = None
    page_size: StrictInt | None = None
    page_token: StrictStr | None = None


class HistoryAnswer(Body):
    """Foundry's `ObjectTypeEditsHistoryResponse`."""

    data: list[Json]
    total_count: int | None = None
    next_page_token: str | None = None


@router.post("/{ontology}/objectTypes/{object_type}/editsHistory", response_model=HistoryAnswer)
@guarded("objects.read")
async def get_edits_history(
    ontology: str,
    object_type: str,
    body: HistoryRequest,
    exchange: CurrentExchange,
    release: CurrentRelease,
    view: Viewed,
) -> Response:
    """What people changed of the objects of a type, as far as the caller sees them."""
    check_ontology(ontology)
    key = _key(body.object_primary_key, view.ontology.find_type(object_type))
    at = Standpoint(release, view)
    work = partial(_page, desk_of(exchange), at, release, object_type, key, body)
    return Response(orjson.dumps(await to_thread.run_sync(work)), media_type="application/json")


def _page(desk: Desk, at: Standpoint, release: Opened, object_type: str, key: str | None, body: HistoryRequest) -> Json:
    size, question = checked_size(body.page_size, default=EDITS_AT_ONCE), _question(at, object_type, key, body)
    newest = body.sort_order != "oldest_first"
    beyond = _start(body.page_token, question)
    data: list[Json] = []
    while True:
        rows = desk.log.of_type(object_type, key, newest=newest, beyond=beyond, limit=SCANNED)
        there = {row.object_key for row in rows if release.row_of(object_type, row.object_key) is not None}
        gone = desk.log.erased_among({(object_type, row.object_key) for row in rows if row.object_key not in there})
        for row in rows:
            if len(data) == size:
                token = write_token(PageToken(release.id, question, beyond))
                return {"data": data, "totalCount": len(data), "nextPageToken": token}
            beyond = row.edit_no
            if (object_type, row.object_key) not in gone and (told := _entry(at, row, body)) is not None:
                data.append(told)
        if len(rows) < SCANNED:
            return {"data": data, "totalCount": len(data)}


def _entry(at: Standpoint, row: EditRecord, body: HistoryRequest) -> Json | None:
    edit = read(row.values)
    if not isinstance(edit, ObjectEdit) or not _asked_for(row, body.filters):
        return None
    if not sees_all(at, [(edit.type, edit.key, False)], mine=row.actor == at.caller.id):
        return None
    kind = at.view.ontology.types[edit.type]
    return {
        "objectPrimaryKey": {kind.key: _key_view(at, edit)},
        "operationId": rid("action", str(row.action_no)),
        "actionTypeRid": rid("action-type", row.action),
        "userId": row.actor,
        "timestamp": row.at.astimezone(UTC).isoformat(),
        "edit": _edit(edit, kind.properties),
    }


def _edit(edit: ObjectEdit, known: Mapping[str, object]) -> Json:
    """Null is a value that is missing, and is left out as it is of objects."""
    values = {name: value for name, value in edit.values.items() if name in known and value is not None}
    previous = {name: value for name, value in edit.previous.items() if name in known and value is not None}
    if edit.kind == "create":
        return {"type": "createEdit", "properties": values}
    if edit.kind == "modify":
        return {"type": "modifyEdit", "includesAllPreviousValues": False, "previousProperties": previous, "properties": values}
    return {"type": "deleteEdit", "previousProperties": previous}


def _asked_for(row: EditRecord, asked: TimeFilter | OperationFilter | None) -> bool:
    match asked:
        case TimeFilter():
            return (asked.start_time is None or row.at >= asked.start_time) and (asked.end_time is None or row.at <= asked.end_time)
        case OperationFilter():
            return str(row.action_no) in {named("action", each) for each in asked.operation_ids}
        case None:
            return True


def _key_view(at: Standpoint, edit: ObjectEdit) -> Json:
    """A `PrimaryKeyValueV2`, which says its type."""
    kind = at.view.ontology.types[edit.type]
    return {"type": f"{kind.properties[kind.key].type}Value", "value": key_value(at.view.ontology, edit.type, edit.key)}


def _key(told: Mapping[str, Any] | None, kind: ServedType) -> str | None:
    """The key in a `PrimaryKeyValueV2`, or said plainly."""
    if told is None:
        return None
    value = told.get(kind.key)
    value = value.get("value") if isinstance(value, dict) else value
    if not isinstance(value, str | int) or not storable(str(value)):
        raise QueryError(f"objectPrimaryKey: the key of one object, as in {{{kind.key!r}: …}}")
    return str(value)


def _question(at: Standpoint, object_type: str, key: str | None, body: HistoryRequest) -> str:
    return fingerprint("edits", at.view.signature, object_type, key, body.model_dump_json(exclude={"page_token", "page_size"}))


def _start(token: str | None, question: str) -> int:
    """After which edit a page begins: the log only grows, so a token outlives a release."""
    if token is None:
        return 0
    held = read_token(token)
    if held.query != question:
        raise InvalidToken("this page token belongs to another question", held)
    return held.offset
