"""The administration's page of webhooks without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from apiflask import APIFlask

from app.web.parts import EXTENSION
from tests.web.conftest import make_app
from tests.web.pages.conftest import Person

URL = "http://127.0.0.1:9/hook"
ROWS = {"events": ["booking.created", "booking.cancelled"], "url": URL, "description": "Our own calendar"}


@pytest.fixture
def app(sqlite_url: str) -> Iterator[APIFlask]:
    app = make_app(sqlite_url, OUTGOING_ALLOWED="127.0.0.1:9", OUTGOING_HTTP="true")
    yield app
    app.extensions[EXTENSION].database.dispose()


def test_without_one_the_page_says_what_webhooks_are(chief: Person) -> None:
    chief.open("/admin/webhooks")

    assert "Nobody is told yet" in chief.text


def test_a_webhook_is_registered_and_its_secret_is_on_that_page_alone(chief: Person) -> None:
    chief.open("/admin/webhooks")
    chief.send("/admin/webhooks", **ROWS)
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", chief.text)
    assert secret
    assert "no-store" in chief.page.headers["Cache-Control"]

    chief.open("/admin/webhooks")
    path = re.search(r"/admin/webhooks/[0-9a-f-]{36}", chief.text).group()
    chief.open(path)

    assert chief.heading == URL
    assert "booking.created, booking.cancelled" in chief.text
    assert "whsec_" not in chief.text


def test_a_refused_address_is_explained_and_what_was_typed_stays(chief: Person) -> None:
    chief.open("/admin/webhooks")

    chief.send("/admin/webhooks", **{**ROWS, "url": "http://192.168.0.1/"})

    assert chief.page.status_code == 422
    assert "not public" in chief.text
    assert 'value="http://192.168.0.1/"' in chief.text
    assert 'value="Our own calendar"' in chief.text
    assert chief.text.count(" checked") == 2


def test_a_webhook_is_tried_replayed_paused_and_deleted(chief: Person) -> None:
    chief.open("/admin/webhooks")
    chief.send("/admin/webhooks", **ROWS)
    path = re.search(r"/admin/webhooks/[0-9a-f-]{36}", chief.text).group()

    chief.send(f"{path}/test")
    assert "A test is on its way" in chief.text
    replay = re.search(rf"{path}/replay/[0-9a-f-]{{36}}", chief.text).group()
    chief.send(replay)
    assert "sent again" in chief.text
    chief.send(f"{path}/pause", paused="yes")
    assert "Resume" in chief.text
    chief.send(f"{path}/pause")
    assert "Resume" not in chief.text
    chief.send(f"{path}/secret")
    assert "whsec_" in chief.text
    chief.send(f"{path}/delete")
    assert "The webhook is deleted." in chief.text
    assert chief.open(path).status_code == 404


def test_the_log_can_be_narrowed_to_one_state(chief: Person) -> None:
    chief.open("/admin/webhooks")
    chief.send("/admin/webhooks", **ROWS)
    path = re.search(r"/admin/webhooks/[0-9a-f-]{36}", chief.text).group()
    chief.send(f"{path}/test")

    chief.open(f"{path}?state=waiting")
    assert "webhook.test" in chief.text
    chief.open(f"{path}?state=dead")
    assert "webhook.test" not in chief.text
    assert "Nothing yet" in chief.text
