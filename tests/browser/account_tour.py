"""One walk past every screen of an account: opening it, its second step, a forgotten password, its end."""

from collections.abc import Iterator

from playwright.sync_api import Page, expect

from tests.browser.account import PASSWORD, Person, log_in, press, setup_code
from tests.browser.site import Site
from tests.browser.steps import book
from tests.browser.tour import see

PAGES = frozenset(
    {
        "log_in", "show_code", "join", "forget", "reset", "account", "mine", "security", "second_step",
        "data", "calendars", "reminders",
    }
)  # fmt: skip


def every_account_screen(site: Site, page: Page) -> Iterator[str]:
    """Brings the page to each screen and names it; stops there until the next is asked for."""
    person = Person.new()
    yield from _before_the_door(site, page)
    yield from _opening(site, page, person)
    yield from _bookings(site, page)
    yield from _keeping_it_shut(site, page, person)
    yield from _coming_back(site, page, person)
    yield from _calendars(site, page)
    yield from _leaving(site, page, person)


def _before_the_door(site: Site, page: Page) -> Iterator[str]:
    page.goto(f"{site.url}/login")
    yield "login"
    page.get_by_label("E-mail").fill("nobody@example.org")
    page.get_by_label("Password").fill("a wrong password")
    press(page, "Log in")
    page.locator("#errors").wait_for()
    yield "login refused"
    page.goto(f"{site.url}/forgot")
    yield "forgotten password"
    press(page, "Send the link")
    page.locator("#errors").wait_for()
    yield "forgotten password with errors"
    page.goto(f"{site.url}/reset/cut-off")
    see(page, "This link is over")
    yield "reset link is over"


def _opening(site: Site, page: Page, person: Person) -> Iterator[str]:
    page.goto(f"{site.url}/register")
    yield "register"
    press(page, "Open the account")
    page.locator("#errors").wait_for()
    yield "register with errors"
    person.register(page)
    page.goto(f"{site.url}/account")
    yield "account of somebody new"
    page.goto(f"{site.url}/my")
    yield "nothing booked"


def _bookings(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    book(page, site, doctor, "09:00")
    page.get_by_role("link", name="Cancel it").click()
    press(page, "Cancel the appointment")
    see(page, "This appointment is cancelled")
    book(page, site, doctor, "10:00")
    page.goto(f"{site.url}/my")
    yield "my bookings"
    page.goto(f"{site.url}/my?view=cancelled")
    yield "my cancelled bookings"
    page.goto(f"{site.url}/account")
    yield "account"
    page.get_by_label("Full name").first.fill("")
    press(page, "Save")
    page.locator("#errors").wait_for()
    yield "account with errors"
    page.goto(f"{site.url}/admin")
    see(page, "This is not for your account")
    yield "not for patients"
    page.goto(f"{site.url}/desk")
    yield "desk is not for patients"


def _keeping_it_shut(site: Site, page: Page, person: Person) -> Iterator[str]:
    page.goto(f"{site.url}/account/security")
    yield "password and logins"
    press(page, "Change it")
    page.locator("#errors").wait_for()
    yield "password with errors"
    page.goto(f"{site.url}/account/second-step")
    yield "second step"
    page.get_by_label("Six digits").fill("000000")
    press(page, "Switch it on")
    page.locator("#errors").wait_for()
    yield "second step with errors"
    page.get_by_label("Six digits").fill(setup_code(page))
    press(page, "Switch it on")
    see(page, "The second step is on")
    person.keep_recovery_codes(page)
    yield "recovery codes"
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_text("Remove it", exact=True).click()
    yield "password and logins with a second step"


def _coming_back(site: Site, page: Page, person: Person) -> Iterator[str]:
    press(page, "Log out everywhere, here too")
    page.goto(f"{site.url}/forgot")
    page.get_by_label("E-mail").fill(person.email)
    press(page, "Send the link")
    see(page, "Look into your mailbox")
    yield "link is on its way"
    page.goto(person.link_in(site.mails_to(person.email)[-1]))
    see(page, "Your new password")
    yield "new password"
    page.get_by_label("New password").fill("short")
    press(page, "Keep it")
    page.locator("#errors").wait_for()
    yield "new password with errors"
    page.get_by_label("New password").fill(PASSWORD)
    press(page, "Keep it")
    expect(page.get_by_role("status").filter(has_text="password is changed")).to_be_visible()
    yield "login after a reset"
    log_in(page, person.email)
    see(page, "One more step")
    yield "code"
    page.get_by_label("Code").fill("not a code")
    press(page, "Go on")
    page.locator("#errors").wait_for()
    yield "code refused"
    page.get_by_label("Code").fill(person.recovery_codes.pop())
    press(page, "Go on")
    expect(page.get_by_text("Logged in as")).to_be_attached()


def _calendars(site: Site, page: Page) -> Iterator[str]:
    page.goto(f"{site.url}/account/reminders")
    yield "reminders"
    page.goto(f"{site.url}/account/calendars")
    yield "calendars"
    press(page, "Make it")
    page.get_by_role("heading", name="The address, shown this once").wait_for()
    yield "a calendar's address"


def _leaving(site: Site, page: Page, person: Person) -> Iterator[str]:
    page.goto(f"{site.url}/account/data")
    yield "my data"
    press(page, "Forget me")
    page.locator("#errors").wait_for()
    yield "my data with errors"
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, "Forget me")
    see(page, "You are forgotten")
    yield "forgotten"
