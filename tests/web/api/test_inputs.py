"""Requests become typed values; every wrong field is named (I1, I8; attacks 18, 22, 23)."""

import json

import pytest

GOOD = {"name": "Ann O'Brien"}


@pytest.fixture
def send(sample):
    def post(**fields):
        body = json.dumps(GOOD | fields)
        return sample.post("/api/sample", data=body, content_type="application/json")

    return post


@pytest.fixture
def wrong(send):
    """The fields a request is refused for."""

    def post(**fields):
        answer = send(**fields)
        assert answer.status_code == 422, answer.text
        return {each["field"]: each["message"] for each in answer.json["errors"]}

    return post


@pytest.mark.parametrize(
    ("field", "value", "becomes"),
    [
        ("name", "  Ann O'Brien ", "Ann O'Brien"),
        ("name", "<b>Ann</b>", "<b>Ann</b>"),
        ("slot_id", "17", 17),
        ("slot_id", 17, 17),
        ("slot_id", 2**63 - 1, 2**63 - 1),
        ("email", "Ann.Example@EXAMPLE.org", "ann.example@example.org"),
        ("email", "ann@b\u00fccher.example.org", "ann@xn--bcher-kva.example.org"),
        ("phone", "+49 (30) 123-45", "+49 (30) 123-45"),
        ("reason", "two\r\nlines\tand a tab", "two\nlines\tand a tab"),
        ("starts_at", "2026-11-20T09:30:00+01:00", "2026-11-20T08:30:00Z"),
        ("starts_at", "2026-11-20 09:30Z", "2026-11-20T09:30:00Z"),
        ("day", "2026-11-20", "2026-11-20"),
        ("at", "09:30", "09:30:00"),
        ("hold", True, True),
    ],
)
def test_a_good_value_is_taken_in_its_normal_form(send, field, value, becomes):
    answer = send(**{field: value})

    assert answer.status_code == 201, answer.text
    assert answer.json["data"][field] == becomes


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["A", " A ", "x" * 101, "two\nlines", "nul\x00", "esc\x1b[31m", "\u202eeman", 5, None, []]),
        ("slot_id", [0, -1, 2**63, "abc", "01", "1.0", 1.0, True, [1], {"a": 1}, "1 OR 1=1"]),
        ("experience_years", ["3", 3.0, True, -1, 81, 10**30, None]),
        ("email", ["ann", "ann@", "ann@localhost", "a@b@example.org", "Ann <a@b.org>", "\u00e4@b.org", 1]),
        ("phone", ["x", "12", "+" * 9, "123456;DROP", "1" * 50, 12345]),
        ("title", ["a\nb", "x" * 201]),
        ("reason", ["x" * 2001, "nul\x00", "\x7f"]),
        ("at", ["9:30", "25:00", "09:60", 930, "09:30:00Z", ""]),
        ("day", ["2026-13-01", "2026-02-30", "20261120", 0, "1999-12-31", "2101-01-01", "2026-11-20T00:00Z"]),
        ("starts_at", ["2026-11-20", "2026-11-20T09:30:00", 0, "1763600000", "9999-12-31T23:59:59-12:00",
                       "0001-01-01T00:00:00+14:00", "now", "2026-11-20T09:30:00+99:00"]),
        ("booking_id", ["1", "0190163d8694739baea5966c26f8ad91", 5, "0190163d-8694-739b-aea5-966c26f8ad9!"]),
        ("hold", ["true", 1, "yes", None]),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_the_name_of_its_field(wrong, field, values):
    for value in values:
        assert list(wrong(**{field: value})) == [field], value


def test_all_wrong_fields_are_named_at_once(wrong):
    found = wrong(name="A", experience_years="3", unknown=1, inner={"starts_at": 0})

    assert set(found) == {"name", "experience_years", "unknown", "inner.starts_at"}
    assert found["unknown"] == "is not a field of this request"


def test_camel_case_is_taken_too_also_inside(send):
    answer = send(slotId="5", experienceYears=3, inner={"startsAt": "2026-11-20T09:30:00Z"})

    assert answer.status_code == 201
    assert answer.json["data"]["slot_id"] == 5
    assert answer.json["data"]["inner"]["starts_at"] == "2026-11-20T09:30:00Z"


def test_a_field_in_both_spellings_is_refused(wrong):
    assert list(wrong(slotId=5, slot_id=5)) == ["slotId"]


def test_ten_thousand_unknown_fields_cost_a_short_answer(sample):
    body = {f"f{number}": 1 for number in range(5000)}

    answer = sample.post("/api/sample", json=body)

    assert answer.status_code == 422
    assert len(answer.json["errors"]) == 30


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=zz", "cursor"),
        ("doctor_id=abc", "doctor_id"),
        ("doctorId=0", "doctor_id"),
        ("day=tomorrow", "day"),
        ("day=2026-11-20%00", "day"),
        ("filter[]=1", "filter[]"),
    ],
)
def test_a_bad_query_is_refused_by_the_name_of_its_parameter(sample, query, field):
    answer = sample.get(f"/api/sample?{query}")

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == [field]
