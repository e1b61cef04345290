"""Rows 20 to 24, 30, 36, 37 and 40: what a browser can be made to do, and what stands in pages and headers."""

from __future__ import annotations

import contextlib

from tests.attack.field import Browser, Field, Reply, expect
from tests.attack.table import live

HEADERS = (
    "content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "cache-control",
)  # fmt: skip


@live(
    20, "forms from another site, JSON as text, no Origin, effects by GET", "tests/web/pages/test_forgery.py"
)
def forgery(field: Field) -> str:
    slot = field.new_slots(1)[0]
    browser = Browser(field)
    page = browser.get("/find")
    told = {
        "other site": browser.post("/holds", {"slot_id": slot}, **{
            "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}).status,
        "same site, other host": browser.post("/holds", {"slot_id": slot}, **{"Sec-Fetch-Site": "same-site"}).status,
        "no token": browser.post("/holds", {"slot_id": slot, "form_token": ""}).status,
        "no origin": field.ask("POST", "/holds", headers={"Cookie": _cookie(browser)},
                               form={"slot_id": slot}).status,
        "JSON as text": field.ask("POST", "/api/bookings", raw=b'{"slot_id":"1"}',
                                  headers={"Content-Type": "text/plain"}).status,
        "effect by GET": field.ask("GET", "/holds").status,
    }  # fmt: skip
    expect(page.status == 200, "no form to begin with")
    expect(set(list(told.values())[:4]) == {403}, f"{told}")
    expect(told["JSON as text"] == 415 and told["effect by GET"] == 405, f"{told}")
    return f"{told}"


def _cookie(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


@live(21, "read the API from another origin", "tests/web/test_headers.py")
def origins(field: Field) -> str:
    base = field.target.base_url
    evil = ("https://evil.example", "null", f"{base}.evil.example", base.replace("://", "://evil."))
    for method in ("GET", "OPTIONS"):
        for origin in evil:
            answer = field.ask(method, "/api/doctors", headers={"Origin": origin})
            expect("access-control-allow-origin" not in answer.headers, f"{origin} may read ({method})")
    return f"no Access-Control-Allow-Origin for {len(evil)} origins"


@live(22, "scripts in names, notes, searches", "tests/web/pages/test_people.py")
def scripts(field: Field) -> str:
    evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
    admin = field.as_role("admin")
    doctor = field.ask(
        "POST", "/api/doctors", {"name": f"Dr. {evil[:60]}", "specialization": evil[:60]}, admin
    )
    expect(doctor.status == 201, f"such a doctor: {doctor.status}")
    slot = field.new_slots(1)[0]
    booked = field.book(slot, patient_name=evil[:90], reason=evil).data
    number = doctor.data.get("doctor", doctor.data)["id"]
    shown = (
        "/", "/?q=%3Cscript%3Ealert(2)%3C/script%3E", f"/doctors/{number}", f"/m/{booked['manage_token']}",
        "/find", "/login?next=%22%3E%3Cscript%3Ealert(2)%3C/script%3E",
    )  # fmt: skip
    for path in shown:
        text = Browser(field).get(path).text
        expect("<script>alert" not in text and "<img src=x" not in text, f"{path} runs it")
    field.ask("DELETE", f"/api/doctors/{number}", headers=admin)
    return f"shown as it is, or not at all, on {len(shown)} pages"


@live(23, "SQL in parameters, sort keys and JSON types", "tests/web/api/test_inputs.py")
def injection(field: Field) -> str:
    evil = (
        "1 OR 1=1",
        "1; DROP TABLE slots",
        "' OR ''='",
        "1' UNION SELECT password_hash FROM users--",
        "%00",
        "{}",
    )
    before = len(field.ask("GET", "/api/doctors?limit=100").data)
    told: set[int] = set()
    from urllib.parse import quote

    for text in evil:
        for path in ("/api/slots?doctor_id={}", "/api/slots/{}", "/api/doctors?q={}", "/api/doctors/{}",
                     "/api/bookings/{}", "/api/slots?cursor={}", "/api/availability?doctor_id={}&date=x"):  # fmt: skip
            told.add(field.ask("GET", path.format(quote(text))).status)
    for value in ([1], {"$gt": ""}, True, 1.5, "1 OR 1=1", None):
        told.add(field.ask("POST", "/api/bookings", {"slot_id": value, "patient_name": "A B"}).status)
        told.add(field.ask("POST", "/api/auth/login", {"email": value, "password": value}).status)
    expect(not {status for status in told if status >= 500}, f"answers {sorted(told)}")
    expect(len(field.ask("GET", "/api/doctors?limit=100").data) == before, "the doctors changed")
    return f"answers {sorted(told)}, nothing changed"


@live(24, "Redis keys through ids: braces, line ends, stars")
def redis_keys(field: Field) -> str:
    import redis

    with redis.Redis.from_url(field.target.redis_url) as client:
        before = set(client.scan_iter("*attack*"))
        told = set()
        for evil in ("1}:hold\r\nSET attack 1", "*", "{slot:1}", "1\r\nFLUSHALL", "attack"):
            told.add(field.ask("POST", "/api/bookings", {"slot_id": evil, "patient_name": "A B"}).status)
            told.add(
                field.ask("POST", "/api/bookings", {}, {"Idempotency-Key": evil.replace("\r\n", "")}).status
            )
        expect(told <= {400, 422}, f"answers {sorted(told)}")
        expect(set(client.scan_iter("*attack*")) == before, "a key of the attacker's was written")
    return f"answers {sorted(told)}; no such key in Redis"


@live(30, "headers and cookies on every route, errors too", "tests/web/test_headers.py")
def every_header(field: Field) -> str:
    asked: list[tuple[str, Reply]] = []
    for path in ("/", "/login", "/find", "/api/doctors", "/api/nothing", "/nothing", "/api/bookings", "/health",
                 "/openapi.json", "/monitor/health", "/internal/x", "/account"):  # fmt: skip
        asked.append((path, field.ask("GET", path, headers={"Accept": "text/html"})))
    asked.append(("413", field.ask("POST", "/api/bookings", raw=b"x" * 70_000)))
    asked.append(("405", field.ask("DELETE", "/api/doctors")))
    missing = {(path, name) for path, answer in asked for name in HEADERS if name not in answer.headers}
    expect(not missing, f"missing: {sorted(missing)}")
    loose = [line for _, a in asked for line in a.cookies if "HttpOnly" not in line or "SameSite" not in line]
    expect(not loose, f"cookies: {loose}")
    unsafe = [p for p, a in asked if "unsafe" in a.headers["content-security-policy"]]
    expect(not unsafe, f"unsafe policies: {unsafe}")
    return f"{len(HEADERS)} headers on {len(asked)} answers; every cookie HttpOnly and SameSite"


@live(36, "the monitor's orders as a visitor and as a patient")
def monitor(field: Field) -> str:
    browser = Browser(field)
    visitor = browser.post("/monitor/orders/drain", {"node": "node-1", "reason": "attack"}).status
    browser.post("/login", {"email": "patient@example.org", "password": "oneslot-demo"})
    patient = browser.post("/monitor/orders/drain", {"node": "node-1", "reason": "attack"}).status
    expect((visitor, patient) == (303, 403), f"answers {(visitor, patient)}")
    evil = field.ask(
        "POST", "/api/cluster/drain", {"node": "<script>", "reason": "x y z"}, field.as_role("operator")
    )
    expect(evil.status in {404, 409, 422}, f"a node named <script>: {evil.status}")
    return "a visitor is asked to log in, a patient told 403; names are checked"


@live(37, "learn from a refusal whose booking it is")
def oracle(field: Field) -> str:
    slot = field.new_slots(1)[0]
    owner, _ = field.new_patient("Keeper")
    expect(field.book(slot, owner).status == 201, "could not book")
    told = []
    for headers in (None, field.new_patient("Curious")[0], owner, field.as_role("patient")):
        answer = field.book(slot, headers)
        body = {name: value for name, value in answer.json.items() if name not in ("error", "alternatives")}
        told.append((answer.status, str(sorted(body.items(), key=str))))
    expect(len(set(told)) == 1, f"answers differ: {sorted(set(told))[:2]}")
    return "the same refusal for a stranger, a patient and the owner"


@live(40, ".git, /debug, /metrics, configuration files")
def forgotten_files(field: Field) -> str:
    paths = ("/.git/config", "/.env", "/debug", "/console", "/server-status", "/nginx.conf", "/wsgi.py",
             "/assets/x/../../config.py", "/assets/x/%2e%2e/%2e%2e/config.py", "/static/../.env", "/metrics")  # fmt: skip
    told = {}
    for path in paths:
        with contextlib.suppress(ConnectionError):
            told[path] = field.ask("GET", path).status
    expect(set(told.values()) <= {400, 401, 403, 404}, f"{told}")
    return f"{len(paths)} addresses: {sorted(set(told.values()))}"
