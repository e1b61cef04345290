"""Deliveries to a receiver that is there, is down, answers 500, hangs, or sends us elsewhere."""

import time
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import update

from app.database import Database, db_now
from app.errors import Unavailable
from app.outgoing.signing import is_genuine
from app.tables import WebhookEndpoint
from app.webhooks import deliveries, endpoints
from app.webhooks.deliveries import back_off_seconds
from app.webhooks.secrets import WebhookKeys
from tests.moments import no_longer_than
from tests.webhooks.office import ADMIN, Office

CONFIRMED = ["booking.confirmed"]


def test_a_delivery_is_signed_with_the_endpoints_secret_and_arrives_once(office: Office):
    receiver = office.receiver()
    webhook = office.register(receiver.url, CONFIRMED)
    office.book()
    (delivery,) = office.relay()

    outcomes = [office.sender.send(delivery), office.sender.send(delivery)]

    (request,) = receiver.requests
    assert outcomes == ["delivered", "not ours"]
    assert is_genuine(office.secret(webhook), request.headers, request.body, time.time())
    assert not is_genuine(b"another" * 5, request.headers, request.body, time.time())
    assert request.headers["webhook-id"] == str(delivery)
    (row,) = office.deliveries(webhook)
    assert (row["state"], row["attempts"][0]["response_code"]) == ("delivered", 200)


def test_after_a_change_of_the_secret_both_sign_for_a_day(office: Office):
    receiver = office.receiver()
    webhook = office.register(receiver.url, CONFIRMED)
    endpoints.rotate(office.parts.webhooks, webhook, ADMIN, None)
    office.book()
    office.relay()
    office.send_all()
    with office.parts.database.transaction() as tx:
        tx.execute(update(WebhookEndpoint).values(earlier_until=db_now(-1)))
    office.book(office.slot(60))
    office.relay()
    office.send_all()

    during, after = receiver.requests
    old, new = office.secret(webhook, 1), office.secret(webhook, 2)
    assert [is_genuine(key, during.headers, during.body, time.time()) for key in (old, new)] == [True, True]
    assert [is_genuine(key, after.headers, after.body, time.time()) for key in (old, new)] == [False, True]


def test_a_rotation_of_our_own_secret_changes_no_receivers(office: Office):
    receiver = office.receiver()
    webhook = office.register(receiver.url, CONFIRMED)
    secret = office.secret(webhook)
    rotated = replace(office.sender, keys=WebhookKeys.of(["new" * 20, *office.parts.config.secrets]))
    forgetful = replace(office.sender, keys=WebhookKeys.of(["new" * 20]))
    office.book()
    (delivery,) = office.relay()

    without = forgetful.send(delivery)
    office.let_pauses_end()
    office.let_claims_lapse()
    outcome = rotated.send(delivery)

    assert [without, outcome] == ["failed", "delivered"]
    assert is_genuine(secret, receiver.requests[0].headers, receiver.requests[0].body, time.time())
    assert "give it a new one" in office.deliveries(webhook)[0]["attempts"][0]["error"]


def test_while_a_receiver_is_down_everything_waits_and_then_arrives_once_under_the_same_id(office: Office):
    receiver = office.receiver(500)
    webhook = office.register(receiver.url, CONFIRMED)
    for hours in (50, 51, 52):
        office.book(office.slot(hours))
    queued = office.relay()

    while_down = office.send_all()
    shown = office.endpoint(webhook)
    receiver.answer = 204
    office.let_pauses_end()
    office.send_all()

    assert sorted(while_down) == ["failed", "not ours", "not ours"], "an endpoint that fails is not hammered"
    assert (shown["state"], shown["failures"]) == ("failing", 1)
    good = [request.headers["webhook-id"] for request in receiver.requests[1:]]
    assert sorted(good) == sorted(map(str, queued))
    assert receiver.requests[0].headers["webhook-id"] in good
    assert office.endpoint(webhook)["state"] == "working"
    assert {row["state"] for row in office.deliveries(webhook)} == {"delivered"}


def test_after_a_day_of_failures_a_delivery_is_dead_until_somebody_replays_it(office: Office):
    receiver = office.receiver(503)
    webhook = office.register(receiver.url, CONFIRMED)
    office.book()
    (delivery,) = office.relay()
    office.send_all()
    office.let_pauses_end()
    office.age(23)
    office.sender.tidy()
    still = office.deliveries(webhook)[0]["state"]
    office.age(25)
    office.sender.tidy()

    dead = office.deliveries(webhook, "dead")
    office.let_pauses_end()
    ignored = office.sender.send(delivery)
    receiver.answer = 200
    endpoints.replay(office.parts.webhooks, delivery, ADMIN)
    again = office.sender.send(delivery)

    assert still == "waiting"
    assert [row["id"] for row in dead] == [str(delivery)]
    assert (ignored, again) == ("not ours", "delivered")
    assert [request.headers["webhook-id"] for request in receiver.requests] == [str(delivery)] * 2


@pytest.mark.parametrize(
    ("answer", "state"), [(400, "waiting"), (410, "dead"), (302, "waiting"), (204, "delivered")]
)
def test_what_each_answer_means(office: Office, answer: int, state: str):
    webhook = office.register(office.receiver(answer).url, CONFIRMED)
    office.book()
    office.relay()
    office.send_all()

    (row,) = office.deliveries(webhook)
    assert row["state"] == state
    assert row["attempts"][0]["response_code"] == answer


def test_a_receiver_that_redirects_to_us_reaches_nothing(office: Office):
    inner = office.receiver()

    def redirect(handler):
        handler.send_response(308)
        handler.send_header("Location", inner.url)
        handler.end_headers()

    webhook = office.register(office.receiver(redirect).url, CONFIRMED)
    office.book()
    office.relay()
    office.send_all()

    assert inner.requests == []
    assert office.deliveries(webhook)[0]["attempts"][0]["error"] == "redirects are not followed"


def test_a_receiver_that_hangs_costs_one_deadline_and_is_left_alone_for_a_while(office: Office):
    webhook = office.register(office.receiver(lambda _: time.sleep(3)).url, CONFIRMED)
    impatient = replace(office.sender, caller=replace(office.sender.caller, deadline_seconds=0.3))
    for hours in (50, 51):
        office.book(office.slot(hours))
    first, second = office.relay()

    with no_longer_than(1.5):
        outcomes = [impatient.send(first), impatient.send(second)]

    assert outcomes == ["failed", "not ours"]
    tried = [row for row in office.deliveries(webhook) if row["attempts"]]
    assert [row["attempts"][0]["error"] for row in tried] == ["no answer in time"]


def test_an_address_that_became_private_since_it_was_registered_is_not_called(office: Office):
    webhook = office.register(office.receiver().url, CONFIRMED)
    strict = replace(office.sender, caller=replace(office.sender.caller, allowed=()))
    office.book()
    (delivery,) = office.relay()

    assert strict.send(delivery) == "failed"
    assert "not public" in office.deliveries(webhook)[0]["attempts"][0]["error"]


def test_during_a_pause_everything_waits_for_more_than_a_day_and_is_sent_after_it(office: Office):
    receiver = office.receiver()
    webhook = office.register(receiver.url, CONFIRMED)
    change = endpoints.EndpointChange
    endpoints.change(office.parts.webhooks, webhook, change(is_paused=True), ADMIN)
    office.book()
    office.relay()
    office.age(30)
    office.sender.tidy()
    paused = office.send_all()
    endpoints.change(office.parts.webhooks, webhook, change(is_paused=False), ADMIN)
    office.sender.tidy()

    assert (paused, office.send_all()) == (["not ours"], ["delivered"])
    assert len(receiver.requests) == 1


def test_a_deleted_endpoint_hears_nothing_more(office: Office):
    receiver = office.receiver()
    webhook = office.register(receiver.url, CONFIRMED)
    office.book()
    (delivery,) = office.relay()
    endpoints.delete(office.parts.webhooks, webhook, ADMIN)
    office.book(office.slot(60))

    assert (office.relay(), office.sender.send(delivery)) == ([], "not ours")
    assert receiver.requests == []


def test_the_leader_hands_on_what_is_due_and_sends_itself_when_nobody_takes_it(office: Office):
    receiver = office.receiver()
    office.register(receiver.url, CONFIRMED)
    office.book()
    (delivery,) = office.relay()
    jobs: list[tuple[str, str]] = []

    def takes(*job: str) -> bool:
        jobs.append(job)
        return True

    handed_on = office.sender.deliver_due(takes)
    nothing_arrived = list(receiver.requests)
    sent = office.sender.deliver_due(lambda *_: False)

    assert (handed_on, nothing_arrived, sent) == (1, [], 1)
    assert jobs == [("worker.jobs.deliver_webhook", str(delivery))]
    assert len(receiver.requests) == 1


def test_a_sender_that_died_before_it_could_say_so_sends_again_under_the_same_id(office: Office):
    receiver = office.receiver()
    webhook = office.register(receiver.url, CONFIRMED)
    office.book()
    (delivery,) = office.relay()
    died = replace(office.sender, database=DiesAfterClaiming(office.parts.config.database_url))

    with pytest.raises(Unavailable):
        died.send(delivery)
    in_its_hands = office.sender.send(delivery)
    office.let_pauses_end()
    office.let_claims_lapse()
    outcome = office.sender.send(delivery)

    assert (in_its_hands, outcome) == ("not ours", "delivered")
    assert [request.headers["webhook-id"] for request in receiver.requests] == [str(delivery)] * 2
    assert [each["number"] for each in office.deliveries(webhook)[0]["attempts"]] == [2]


class DiesAfterClaiming(Database):
    """Loses the database between the receiver's answer and our note of it."""

    def run(self, work, *rest):
        if getattr(self, "has_claimed", False):
            raise Unavailable
        self.has_claimed = True
        return super().run(work, *rest)


def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(office: Office):
    webhook = office.register(office.receiver().url, CONFIRMED)
    office.book()
    office.relay()
    office.send_all()
    office.book(office.slot(60))
    office.relay()
    with office.parts.database.transaction() as tx:
        tx.exec_driver_sql("UPDATE webhook_deliveries SET created_at = '2020-01-01 00:00:00'")

    assert office.parts.database.run(deliveries.trim) == 1
    assert [row["state"] for row in office.deliveries(webhook)] == ["waiting"]


def test_pauses_double_up_to_four_hours_and_are_spread():
    middle = [back_off_seconds(failures, 0.5) for failures in range(1, 16)]

    assert middle[:5] == [5, 10, 20, 40, 80]
    assert max(middle) == back_off_seconds(1000, 0.5) == 4 * 3600
    assert (back_off_seconds(1, 0.0), back_off_seconds(1, 1.0)) == (3.75, 6.25)


def test_a_delivery_that_nobody_knows_is_nobodys(office: Office):
    assert office.sender.send(uuid.uuid4()) == "not ours"
