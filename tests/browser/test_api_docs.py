"""B36: the interactive page about the API works under our content security policy, without another host."""

import pytest

pytestmark = pytest.mark.alone
#: The page reads all of the document before it draws anything: some seconds of a processor.
PATIENCE_MS = 60_000


def opened(page, site):
    page.goto(f"{site.url}/api-docs")
    page.locator("#operations-tag-Cluster").wait_for(timeout=PATIENCE_MS)
    return page


def test_an_operation_can_be_tried_out_on_the_page(visit, site):
    page = opened(visit(), site)

    page.locator("#operations-tag-Cluster").click()
    operation = page.locator("#operations-Cluster-get_health_show_own_health")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table")
    answer.get_by_text('"success": true').wait_for()
    assert answer.locator(".response-col_status").last.inner_text().startswith("200")


def test_a_person_can_log_in_with_a_token_on_the_page(visit, site):
    page = opened(visit(), site)

    page.get_by_role("button", name="Authorize").first.click()

    page.get_by_text("bearer (http, Bearer)").wait_for()
    page.get_by_text("manageToken (apiKey)").wait_for()
