"""JSON in and out: a body is one value without surprises (attacks 1, 23, 28)."""

from datetime import UTC, datetime

import pytest

from app.web.json import MalformedJson, parse


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": 1,}',
        b'{"a": 1} {"b": 2}',
        b"\xff\xfe",
        b'{"a": NaN}',
        b"[-Infinity]",
        b'{"role": "user", "role": "admin"}',
        b'{"deep": {"a": 1, "a": 1}}',
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b"[" * 30_000,
        b"1" * 5000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_one_plain_json_value_is_malformed(body):
    with pytest.raises(MalformedJson):
        parse(body)


def test_a_surrogate_pair_is_a_character():
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_malformed_json_is_told_as_400(sample):
    answer = sample.post("/api/sample", data=b'{"name": "Ann",}', content_type="application/json")

    assert (answer.status_code, answer.json["error"]["code"]) == (400, "MALFORMED_JSON")


def test_no_body_counts_as_an_empty_object(sample):
    answer = sample.post("/api/sample")

    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "name", "message": "is required"}]


@pytest.mark.parametrize("body", ["[]", '"text"', "null", "1"])
def test_a_value_that_is_no_object_is_refused_as_a_whole(sample, body):
    answer = sample.post("/api/sample", data=body, content_type="application/json")

    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "body", "message": "must be a JSON object"}]


def test_instants_are_written_as_utc_with_z(sample_app):
    assert sample_app.json.dumps({"at": datetime(2026, 11, 20, 9, tzinfo=UTC)}) == (
        '{"at":"2026-11-20T09:00:00Z"}'
    )


def test_a_success_says_which_node_gave_it_and_when(sample):
    answer = sample.get("/api/sample/5")

    assert {"success": True, "data": 5, "server": "node-7"}.items() <= answer.json.items()
    assert datetime.fromisoformat(answer.json["timestamp"]).tzinfo is not None
