"""Halls: seen by anybody, made by admins."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.directory import halls as directory
from app.web.api.answers import answer, answer_page
from app.web.api.booking_answers import current_actor
from app.web.api.cinema_answers import PREVIEW, HallDocument
from app.web.api.cinema_inputs import HallBody
from app.web.api.directory_answers import created
from app.web.api.freshness import read_from_primary
from app.web.api.inputs import PageQuery
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("halls", __name__, url_prefix="/api/halls", tag="Movies")


@api.get("")
@policy("public")
@api.input(PageQuery, location="query", arg_name="query")
@api.output(list[HallDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_halls(query: PageQuery) -> Response:
    """List halls in the order they were made."""
    after = query.after(int)
    with parts().database.read() as connection:
        found = directory.list_halls(connection, after[0] if after else None, query.limit + 1)
    return read_from_primary(answer_page(found, query.limit, lambda hall: (int(hall["id"]),)))


@api.post("")
@policy("admin")
@api.input(HallBody, arg_name="body")
@api.output(HallDocument, status_code=201)
@api.doc(responses=PREVIEW)
def add_hall(body: HallBody) -> Response:
    """Add a hall, or with `preview` see what its layout makes."""
    zone = body.timezone or parts().config.clinic_timezone
    draft = directory.HallDraft(body.name, body.place, zone, body.currency, body.layout.layout())
    if body.preview:
        return answer({"preview": True, **directory.preview_hall(draft)}, message="Nothing was changed")
    done = directory.create_hall(parts().directory, draft, current_actor().label, request_key(body))
    return created(done, "/api/halls", "Hall created")


@api.get("/<id:hall_id>")
@policy("public")
@api.output(HallDocument)
def show_hall(hall_id: int) -> Response:
    """Show a hall and its layout."""
    with parts().database.read() as connection:
        return read_from_primary(answer(directory.read_hall(connection, hall_id)))
