'''One module per resource of the public API.

Requests become typed values here; nothing deeper sees a request. A resource module looks like this,
and adds its `api` to the list in app/web/routes.py:

    api = APIBlueprint("doctors", __name__, url_prefix="/api/doctors", tag="Doctors")

    # RequestModel, PageQuery: app.web.api.inputs; the types of fields: app.web.api.fields
    class DoctorBody(RequestModel):          # unknown fields refused, camelCase accepted
        name: PersonName
        email: Email | None = None
        experience_years: StrictInt = Field(0, ge=0, le=80)

    class DoctorQuery(PageQuery):            # adds limit and cursor
        specialization: Line | None = None

    @api.get("")
    @policy("public")                        # directly under the route: who may call it
    @api.input(DoctorQuery, location="query", arg_name="query")
    @api.output(list[DoctorDocument])        # documents the answer; DoctorDocument is a BaseModel
    def list_doctors(query: DoctorQuery) -> Response:
        """List doctors."""
        after = query.after(str, int)        # the last sort key of the page before, or None
        with parts().database.read() as connection:
            doctors = doctors_after(connection, after, query.limit + 1, query.specialization)
        return answer_page(doctors, query.limit, lambda doctor: (doctor["name"], int(doctor["id"])))

    @api.post("")
    @policy("admin")
    @api.input(DoctorBody, arg_name="body")
    @api.output(DoctorDocument, status_code=201)
    def add_doctor(body: DoctorBody) -> Response:
        """Add a doctor."""
        done = once(parts().database, request_key(body), lambda tx: insert_doctor(tx, **body.model_dump()))
        return answer(done.value, 201, replayed=done.replayed)

    @api.get("/<id:doctor_id>")              # <uuid:...> for bookings and patients; garbage is a 404
    @policy("public")
    @api.output(DoctorDocument)
    def show_doctor(doctor_id: int) -> Response: ...

Who calls: `principal()` is the logged-in Principal or None, `opened_booking()`
the booking that the X-Manage-Token opens, or None.
Refuse by raising a Refusal of app.errors; a new class needs its row in app.web.failures.STATUS.'''
