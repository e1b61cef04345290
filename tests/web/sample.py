"""A small resource that touches every part of the foundation."""

from apiflask import APIBlueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt

from app.web.api.answers import answer, answer_page
from app.web.api.fields import (
    Day,
    Email,
    Instant,
    Line,
    Paragraph,
    PersonName,
    Phone,
    ResourceId,
    Uuid,
    WallTime,
)
from app.web.api.inputs import PageQuery, RequestModel
from app.web.policy import policy


class Inner(RequestModel):
    starts_at: Instant


class SampleBody(RequestModel):
    name: PersonName
    slot_id: ResourceId | None = None
    experience_years: StrictInt = Field(0, ge=0, le=80)
    email: Email | None = None
    phone: Phone | None = None
    title: Line | None = None
    reason: Paragraph | None = None
    at: WallTime | None = None
    day: Day | None = None
    starts_at: Instant | None = None
    booking_id: Uuid | None = None
    hold: StrictBool = False
    inner: Inner | None = None


class SampleQuery(PageQuery):
    doctor_id: ResourceId | None = None
    day: Day | None = None


class SampleDocument(BaseModel):
    id: str


NAMES = ["ada", "bob", "bob", "cleo", "dan"]


def sample_blueprint(raised: list[Exception]) -> APIBlueprint:
    """Routes under /api/sample; /fail raises what a test puts into raised."""
    api = APIBlueprint("sample", __name__, url_prefix="/api/sample", tag="Sample")

    @api.post("")
    @policy("public")
    @api.input(SampleBody, arg_name="body")
    @api.output(SampleDocument, status_code=201)
    def add(body: SampleBody):
        return answer(body.model_dump(mode="json"), 201)

    @api.get("")
    @policy("public")
    @api.input(SampleQuery, location="query", arg_name="query")
    @api.output(list[SampleDocument])
    def page(query: SampleQuery):
        after = query.after(str, int)
        keys = [(name, number) for number, name in enumerate(NAMES)]
        rest = [key for key in keys if after is None or key > after]
        documents = [{"id": str(number), "name": name} for name, number in rest]
        return answer_page(documents[: query.limit + 1], query.limit, lambda d: (d["name"], int(d["id"])))

    @api.get("/<id:number>")
    @policy("public")
    def show(number: int):
        return answer(number)

    @api.get("/things/<uuid:thing>")
    @policy("public")
    def thing(thing):
        return answer(str(thing))

    @api.get("/fail")
    @policy("public")
    def fail():
        raise raised[0]

    @api.get("/private/<token>")
    @policy("public")
    def private(token: str):
        return answer(len(token))

    for who in ("authenticated", "owner", "staff", "admin", "operator"):
        api.add_url_rule(f"/for/{who}", f"for_{who}", policy(who)(lambda: answer("in")))
    return api
