"""A real browser on real nodes. Skipped, and said so, where no Chromium is installed."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.browser.site import Site, running_site
from tests.servers import running_redis, throwaway_folder
from worker.stack.postgres import PostgresServer

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: For a busy machine; what must be quick, a test says itself.
PATIENCE_MS = 15_000
#: Chromium reports every answer of 400 and above; that the refusal was wanted, the test itself says.
REFUSAL = "Failed to load resource: the server responded with a status of 4"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium is installed; `make test-browser` says how to get one")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Containers and root have no user namespaces for Chromium's own sandbox; it only opens our pages.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(_migrated_postgres: PostgresServer) -> Iterator[Site]:
    with throwaway_folder() as folder, running_redis() as redis:
        url = _migrated_postgres.create_database("browser", template="migrated")
        with running_site(url, redis.url, folder) as site:
            yield site


@dataclass
class Visitor:
    """One browser profile; what its pages complained about and asked other hosts for."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._watch)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(REFUSAL):
            self.complaints.append(message.text)

    def _watch(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.strangers.append(request.url)


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """visit() opens a page in a profile of its own; afterwards nothing may have been complained about."""
    visitors: list[Visitor] = []

    def open_page(**options: Any) -> Page:
        # Without the animation between pages a test need not wait for it.
        visitor = Visitor(chromium.new_context(**{"reduced_motion": "reduce", **options}))
        visitors.append(visitor)
        return visitor.page()

    yield open_page
    for visitor in visitors:
        visitor.context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
    assert [url for visitor in visitors for url in visitor.strangers] == []
