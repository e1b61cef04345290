"""Webhooks for programs: who may, what is refused, the secret once, the log, replays."""

import base64

import pytest
from sqlalchemy import select

from app.tables import AuditEntry
from tests.web.conftest import make_app

URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def app(sqlite_url):
    app = make_app(sqlite_url, OUTGOING_ALLOWED="127.0.0.1:9", OUTGOING_HTTP="true")
    yield app
    app.extensions["oneslot"].database.dispose()


@pytest.fixture
def admin(bearer):
    return bearer("admin")


def add(client, admin, **body):
    return client.post("/api/webhooks", json={"url": URL, **body}, headers=admin)


def test_a_webhook_is_registered_with_a_secret_that_is_shown_once(client, admin):
    made = add(client, admin, events=["booking.moved", "booking.created"]).json["data"]
    shown = client.get(f"/api/webhooks/{made['id']}", headers=admin).json["data"]
    listed = client.get("/api/webhooks", headers=admin).json["data"]

    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    assert made["events"] == ["booking.created", "booking.moved"]
    assert "secret" not in shown
    assert shown["deliveries"] == {"waiting": 0, "delivered": 0, "dead": 0}
    assert [each["id"] for each in listed] == [made["id"]]


def test_a_repeat_under_one_key_registers_once_and_shows_the_same_secret(client, admin):
    headers = {**admin, "Idempotency-Key": "one"}

    first, second = add(client, headers), add(client, headers)

    assert first.json["data"] == second.json["data"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(client.get("/api/webhooks", headers=admin).json["data"]) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "https://localhost/", "http://[::1]:80/", "http://10.0.0.1/",
        "ftp://127.0.0.1/", "https://user:word@127.0.0.1/", "not a url", "", "http://0x7f000002/",
    ],
)  # fmt: skip
def test_an_address_of_our_own_networks_is_refused_with_a_reason(client, admin, url):
    refused = add(client, admin, url=url)

    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "url"


def test_an_event_that_there_is_not_is_named_with_those_that_there_are(client, admin):
    unknown = add(client, admin, events=["booking.exploded"])
    none = add(client, admin, events=[])

    assert (unknown.status_code, none.status_code) == (422, 422)
    assert "booking.exploded" in unknown.json["errors"][0]["message"]
    assert "booking.moved" in unknown.json["errors"][0]["message"]


def test_it_is_changed_paused_given_a_new_secret_and_deleted_and_the_audit_knows(app, client, admin):
    made = add(client, admin).json["data"]
    path = f"/api/webhooks/{made['id']}"

    paused = client.patch(path, json={"is_paused": True, "description": "ours"}, headers=admin).json["data"]
    moved = client.patch(path, json={"url": "http://10.0.0.1/"}, headers=admin)
    rotated = client.post(f"{path}/secret", headers=admin).json["data"]
    gone = client.delete(path, headers=admin)

    assert (paused["state"], paused["description"]) == ("paused", "ours")
    assert moved.status_code == 422
    assert rotated["secret"] != made["secret"]
    assert (rotated["secret_number"], rotated["earlier_secret_until"] is not None) == (2, True)
    assert gone.status_code == 200
    assert client.get(path, headers=admin).status_code == 404
    with app.extensions["oneslot"].database.read() as connection:
        written = select(AuditEntry.action).where(AuditEntry.action.like("webhook.%"))
        actions = connection.execute(written).scalars().all()
    assert sorted(actions) == [
        "webhook.changed",
        "webhook.created",
        "webhook.deleted",
        "webhook.secret_changed",
    ]


def test_a_trial_stands_in_the_log_and_can_be_sent_again(client, admin):
    made = add(client, admin).json["data"]
    path = f"/api/webhooks/{made['id']}"
    for _ in range(3):
        client.post(f"{path}/test", headers=admin)

    first = client.get(f"{path}/deliveries?limit=2", headers=admin).json
    cursor = first["page"]["next_cursor"]
    rest = client.get(f"{path}/deliveries?limit=2&cursor={cursor}", headers=admin).json
    again = client.post(f"/api/webhooks/deliveries/{rest['data'][0]['id']}/replay", headers=admin)

    assert (len(first["data"]), len(rest["data"]), rest["page"]["next_cursor"]) == (2, 1, None)
    assert len({row["id"] for row in first["data"] + rest["data"]}) == 3
    assert first["data"][0]["type"] == "webhook.test"
    assert again.json["data"]["state"] == "waiting"
    assert client.post(f"/api/webhooks/deliveries/{made['id']}/replay", headers=admin).status_code == 404
    assert client.get(f"{path}/deliveries?state=dead", headers=admin).json["data"] == []


@pytest.mark.parametrize("role", ["patient", "staff", "operator"])
def test_only_admins_register_webhooks(client, bearer, role):
    assert add(client, bearer(role)).status_code == 403
