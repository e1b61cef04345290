"""Headers of every answer: security, correlation, origin (I3, I4; attacks 16, 21, 30, 32)."""

import re

import pytest
from flask import render_template_string, request

from app.web.parts import EXTENSION
from app.web.policy import policy
from tests.web.conftest import make_app
from tests.web.sample import sample_blueprint

PATHS = ["/api/sample/5", "/api/nowhere", "/api/sample/fail", "/api-docs", "/openapi.json"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(sample, raised, path):
    raised.append(ZeroDivisionError())

    headers = sample.get(path).headers

    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "base-uri 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Served-By"] == "node-7"
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Correlation-ID"])


def test_answers_of_the_api_are_not_kept_by_caches(sample):
    assert sample.get("/api/sample/5").headers["Cache-Control"] == "no-store"


def test_a_page_may_run_only_scripts_with_the_nonce_of_its_own_answer(sample_app):
    @sample_app.get("/nonce")
    @policy("public")
    def page():
        return render_template_string("<script nonce='{{ csp_nonce() }}'></script>")

    answers = [sample_app.test_client().get("/nonce") for _ in range(2)]

    nonces = [re.search("nonce='([^']+)'", answer.text)[1] for answer in answers]
    assert nonces[0] != nonces[1]
    for nonce, answer in zip(nonces, answers, strict=True):
        assert f"script-src 'self' 'nonce-{nonce}'" in answer.headers["Content-Security-Policy"]


def test_transport_security_is_promised_only_over_https(sample):
    plain = sample.get("/api/sample/5")
    secure = sample.get("/api/sample/5", headers={"X-Forwarded-Proto": "https"})

    assert "Strict-Transport-Security" not in plain.headers
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_a_safe_correlation_id_is_kept_and_another_is_replaced(sample):
    def correlation(given):
        return sample.get("/api/sample/5", headers={"X-Correlation-ID": given}).headers["X-Correlation-ID"]

    assert correlation("order-66.b_2") == "order-66.b_2"
    for unsafe in ["short", "x" * 65, "with space in it", "<script>alert(1)</script>", "\u00e4" * 9]:
        assert re.fullmatch("[0-9a-f]{32}", correlation(unsafe)), unsafe


def test_a_request_is_logged_with_node_status_and_id_but_without_a_secret(sqlite_url, caplog):
    app = make_app(sqlite_url, LOG_LEVEL="info")
    app.register_blueprint(sample_blueprint([]))

    with caplog.at_level("INFO"):
        app.test_client().get(
            "/api/sample/private/SWORDFISH?key=SWORDFISH", headers={"X-Correlation-ID": "order-66"}
        )

    line = next(each.msg for each in caplog.records if each.msg.get("topic") == "request")
    assert line["event"] == "[node-7] GET /api/sample/private/<token>"
    assert (line["status"], line["correlation_id"], line["node"]) == (200, "order-66", "node-7")
    assert "SWORDFISH" not in str(line)


def test_only_the_trusted_number_of_proxies_is_believed(sqlite_url):
    def seen(trusted):
        app = make_app(sqlite_url, TRUSTED_PROXIES=str(trusted))
        seen_address = []
        app.before_request(lambda: seen_address.append(request.remote_addr))
        app.test_client().get("/api/nowhere", headers={"X-Forwarded-For": "198.51.100.9, 203.0.113.7"})
        app.extensions[EXTENSION].database.dispose()
        return seen_address[0]

    assert seen(0) == "127.0.0.1"
    assert seen(1) == "203.0.113.7"
    assert seen(2) == "198.51.100.9"


@pytest.fixture
def shared(sqlite_url):
    app = make_app(sqlite_url, CORS_ORIGIN="https://app.example.org, https://b.example.org")
    yield app.test_client()
    app.extensions[EXTENSION].database.dispose()


def test_a_listed_origin_may_call_with_credentials(shared):
    preflight = shared.options(
        "/api/auth/login",
        headers={"Origin": "https://b.example.org", "Access-Control-Request-Method": "POST"},
    )

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://b.example.org"
    assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "DELETE" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Origin" in preflight.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "https://app.example.org.evil.example", "http://app.example.org", ""],
)
def test_any_other_origin_gets_no_permission(shared, origin):
    answer = shared.get("/api/auth/me", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_by_default_no_origin_may_call(sample):
    answer = sample.get("/api/sample/5", headers={"Origin": "https://app.example.org"})

    assert "Access-Control-Allow-Origin" not in answer.headers
