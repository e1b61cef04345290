"""Every failure has a status, one shape, and tells nothing it should not (B-rows, O-6; attack 31)."""

import logging
from http import HTTPStatus

import pytest
from flask import Response

import app.booking.errors
from app.errors import (
    Conflict,
    NotFound,
    OutcomeUnknown,
    Refusal,
    RequestInProgress,
    Unavailable,
    ValidationFailed,
)
from app.web.failures import STATUS, page_renderer, status_of
from app.web.json import MalformedJson

MEMBERS = {"type", "title", "status", "detail", "instance", "success", "error", "retryable"}


def descendants(kind):
    return {kind, *(below for child in kind.__subclasses__() for below in descendants(child))}


def test_every_refusal_of_the_product_has_a_status():
    ours = {kind for kind in descendants(Refusal) if kind.__module__.startswith("app.")} - {Refusal}

    missing = {kind.__name__ for kind in ours if not any(each in STATUS for each in kind.__mro__)}

    assert missing == set()
    assert {MalformedJson, app.booking.errors.BookingConflict} <= ours


def test_a_class_without_a_row_is_a_mistake_in_the_program():
    with pytest.raises(AssertionError, match="has no row"):
        status_of(LookupError)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("No such thing."), 404, "NOT_FOUND"),
        (Conflict("In use."), 409, "CONFLICT"),
        (ValidationFailed.of("name", "is odd"), 422, "VALIDATION_FAILED"),
        (Unavailable(), 503, "UNAVAILABLE"),
        (OutcomeUnknown("Perhaps."), 503, "OUTCOME_UNKNOWN"),
        (ZeroDivisionError("at /secret/path"), 500, "INTERNAL_ERROR"),
    ],
)
def test_each_failure_is_told_in_the_one_shape(sample, raised, error, status, code):
    raised.append(error)

    answer = sample.get("/api/sample/fail", headers={"X-Correlation-ID": "abcdef-123"})

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert set(answer.json) >= MEMBERS
    assert answer.json["status"] == status
    assert answer.json["success"] is False
    assert answer.json["instance"] == "/api/sample/fail"
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["correlation_id"] == "abcdef-123"
    assert answer.json["error"]["timestamp"].endswith("Z")


def test_an_unforeseen_error_is_logged_with_its_traceback_and_told_in_general_words(sample, raised, caplog):
    raised.append(ZeroDivisionError("the password is swordfish"))

    with caplog.at_level(logging.ERROR):
        answer = sample.get("/api/sample/fail", headers={"X-Correlation-ID": "abcdef-123"})

    assert "swordfish" not in answer.text
    assert "Traceback" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    record = next(each.msg for each in caplog.records if "exc_info" in each.msg)
    assert record["correlation_id"] == "abcdef-123"
    assert isinstance(record["exc_info"], ZeroDivisionError)


def test_an_outage_says_when_to_come_back(sample, raised):
    raised.append(Unavailable(retry_after_seconds=5))

    answer = sample.get("/api/sample/fail")

    assert answer.headers["Retry-After"] == "5"
    assert answer.json["retryable"] is True


def test_what_can_succeed_later_is_marked_retryable(sample, raised):
    raised.append(RequestInProgress("Wait."))

    assert sample.get("/api/sample/fail").json["retryable"] is True


def test_members_of_a_refusal_are_told_and_absent_ones_left_out(sample, raised):
    raised.append(Conflict("Held.", reason="SLOT_HELD", retry_after_seconds=40, alternatives=None))

    answer = sample.get("/api/sample/fail")

    assert answer.json["reason"] == "SLOT_HELD"
    assert answer.headers["Retry-After"] == "40"
    assert "alternatives" not in answer.json


def test_a_replayed_refusal_says_so(sample, raised):
    refusal = Conflict("In use.")
    refusal.replayed = True
    raised.append(refusal)

    assert sample.get("/api/sample/fail").headers["Idempotency-Replayed"] == "true"


def test_an_unknown_path_a_wrong_method_and_a_large_body_are_told_in_the_same_shape(sample):
    answers = [
        sample.get("/api/nowhere"),
        sample.delete("/api/sample"),
        sample.post("/api/sample", data=b"x" * 70_000, content_type="application/json"),
        sample.post("/api/sample", data=b"name=Ann", content_type="application/x-www-form-urlencoded"),
    ]

    assert [answer.status_code for answer in answers] == [404, 405, 413, 415]
    assert [set(answer.json) >= MEMBERS for answer in answers] == [True] * 4
    assert answers[1].headers["Allow"]


@pytest.mark.parametrize("garbage", ["0", "-1", "1.5", "abc", "9223372036854775808", "007", "%00", "1%0a"])
def test_what_is_no_id_is_not_found(sample, garbage):
    assert sample.get(f"/api/sample/{garbage}").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("garbage", ["1", "xyz", "0190163d-8694-739b-aea5-966c26f8ad9", "%00"])
def test_what_is_no_uuid_is_not_found(sample, garbage):
    assert sample.get(f"/api/sample/things/{garbage}").status_code == HTTPStatus.NOT_FOUND


def test_the_largest_id_is_an_id(sample):
    assert sample.get("/api/sample/9223372036854775807").json["data"] == 9223372036854775807


def test_a_page_may_show_failures_in_its_own_design_but_never_to_programs(sample_app, raised):
    page_renderer(sample_app, lambda failure: Response(f"<h1>{failure.status}", 200, mimetype="text/html"))
    client = sample_app.test_client()

    page = client.get("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    api = client.get("/api/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    program = client.get("/nowhere", headers={"Accept": "application/json"})

    assert page.text == "<h1>404"
    assert api.mimetype == program.mimetype == "application/problem+json"
