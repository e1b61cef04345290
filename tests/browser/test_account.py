"""An account by keyboard alone: opened, shut with a second step, logged out everywhere, got back by mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.account import PASSWORD, Person, log_in, setup_code
from tests.browser.site import Site
from tests.browser.tour import see

Visit = Callable[..., Page]
NEW_PASSWORD = "three unrelated words"
#: What has the focus, as its label or its own words call it.
CALLED = """() => {
  const here = document.activeElement;
  return here === document.body ? ""
    : here.labels?.[0]?.innerText.trim() ?? here.getAttribute("aria-label") ?? here.innerText.trim();
}"""
WITHIN_THE_PAGE = 60


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(WITHIN_THE_PAGE):
        if page.evaluate(CALLED).startswith(words):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {words!r}")


def fill_in(page: Page, **fields: str) -> None:
    """Types into each field in turn, as the keyboard reaches it, and sends the form from the last."""
    for label, text in fields.items():
        tab_to(page, label.replace("_", " "))
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
    page.keyboard.press("Enter")


def follow(page: Page, words: str) -> None:
    tab_to(page, words)
    page.keyboard.press("Enter")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_account_is_opened_shut_and_got_back_by_keyboard(site: Site, visit: Visit, scheme: str) -> None:
    person = Person.new()
    page, elsewhere = visit(color_scheme=scheme), visit(color_scheme=scheme)
    page.goto(f"{site.url}/register")
    fill_in(page, Full_name=person.name, **{"E-mail": person.email}, Password=PASSWORD)
    expect(page.get_by_text("Logged in as")).to_be_attached()

    _set_up_the_second_step(site, page, person)
    _log_in_elsewhere(site, elsewhere, person)
    _log_out_everywhere(site, page, elsewhere)
    _choose_a_new_password(site, page, person)

    fill_in(page, **{"E-mail": person.email}, Password=PASSWORD)
    expect(page.locator("#errors")).to_be_visible()
    fill_in(page, **{"E-mail": person.email}, Password=NEW_PASSWORD)
    see(page, "One more step")
    fill_in(page, Code=person.recovery_codes.pop())
    expect(page.get_by_text("Logged in as")).to_be_attached()


def _set_up_the_second_step(site: Site, page: Page, person: Person) -> None:
    page.goto(f"{site.url}/account/security")
    follow(page, "Set it up")
    see(page, "Set up the second step")
    fill_in(page, Six_digits=setup_code(page))
    see(page, "The second step is on")
    person.keep_recovery_codes(page)
    assert len(set(person.recovery_codes)) >= 8


def _log_in_elsewhere(site: Site, page: Page, person: Person) -> None:
    """A recovery code opens the account once, and the same one never again."""
    code = person.recovery_codes.pop()
    page.goto(f"{site.url}/login")
    log_in(page, person.email)
    fill_in(page, Code=code)
    expect(page.get_by_text("Logged in as")).to_be_attached()
    page.context.clear_cookies()
    page.goto(f"{site.url}/login")
    log_in(page, person.email)
    fill_in(page, Code=code)
    expect(page.locator("#errors")).to_be_visible()
    fill_in(page, Code=person.recovery_codes.pop())
    expect(page.get_by_text("Logged in as")).to_be_attached()


def _log_out_everywhere(site: Site, page: Page, elsewhere: Page) -> None:
    page.goto(f"{site.url}/account/security")
    follow(page, "Log out everywhere, here too")
    expect(page.get_by_text("Logged in as")).to_have_count(0)
    elsewhere.goto(f"{site.hasty_url}/account")
    see(elsewhere, "Log in")


def _choose_a_new_password(site: Site, page: Page, person: Person) -> None:
    page.goto(f"{site.url}/login")
    follow(page, "I forgot my password")
    see(page, "Choose a new password")
    fill_in(page, **{"E-mail": person.email})
    see(page, "Look into your mailbox")
    link = person.link_in(site.mails_to(person.email)[-1])
    page.goto(link)
    fill_in(page, New_password=NEW_PASSWORD)
    expect(page.get_by_role("status").filter(has_text="Your password is changed")).to_be_visible()
    assert "Your password was changed" in [str(mail["Subject"]) for mail in site.mails_to(person.email)]
    page.goto(link)
    see(page, "This link is over")
    page.goto(f"{site.url}/login")
