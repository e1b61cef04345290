"""One walk past every screen and state, for the checks that hold on all of them."""

from collections.abc import Iterator
from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.browser.steps import EMAIL, NAME, book, confirm, fill_details, go_on, hold, open_times, time_button

PAGES = frozenset(
    {
        "choose", "times", "details", "check", "manage", "move", "move_check", "cancel", "find_booking",
        "series", "wait", "place_in_line", "mails", "mail",
    }
)  # fmt: skip
#: Sends the form as a page would that has not heard of the change yet.
PRESS_UNSEEN = """slot => {
  const form = document.querySelector("[data-times]");
  const field = { type: "hidden", name: "slot_id", value: slot };
  form.append(Object.assign(document.createElement("input"), field));
  form.submit();
}"""


def see(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def every_screen(site: Site, page: Page) -> Iterator[str]:
    """Brings the page to each screen and names it; stops there until the next is asked for."""
    yield from _choosing(site, page)
    yield from _booking(site, page)
    yield from _managing(site, page)
    yield from _repeating(site, page)
    yield from _waiting(site, page)
    yield from _failing(site, page)
    yield from _reading_mails(site, page)


def _choosing(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    site.hold_elsewhere(doctor.slots["09:00"])
    site.book_elsewhere(doctor.slots["09:30"])
    page.goto(site.url)
    yield "choose"
    page.goto(f"{site.url}/?q=nobody-is-called-so&specialization=Cardiology")
    yield "no doctor matches"
    open_times(page, site.url, doctor)
    page.locator("summary").click()
    yield "times"
    page.goto(f"{site.url}/doctors/{doctor.id}?month={doctor.day + timedelta(days=90):%Y-%m}")
    yield "month without times"
    page.goto(f"{site.url}/doctors/{site.doctor_on_duty(times=()).id}")
    yield "doctor without times"


def _booking(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    hold(page, site.url, doctor, "10:00")
    yield "details"
    page.get_by_role("button", name="Go on to check").click()
    page.locator("#errors").wait_for()
    yield "details with errors"
    page.locator("[data-more-time]").evaluate("dialog => { dialog.hidden = false }")
    yield "more time"
    page.locator("[data-enough]").click()
    fill_details(page)
    go_on(page)
    yield "check"
    page.get_by_role("link", name="Change time").click()
    see(page, "Pick a time")
    yield "times with my hold"
    time_button(page, doctor, "10:00").click()
    see(page, "Who is the appointment for?")
    go_on(page)
    confirm(page)
    page.locator("summary").click()
    yield "booked"


def _managing(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    book(page, site, doctor, "10:00")
    page.get_by_role("link", name="Move it").click()
    see(page, "Pick a new time")
    yield "move: times"
    time_button(page, doctor, "14:30").click()
    see(page, "Move to this time?")
    yield "move: check"
    page.get_by_role("button", name="Move the appointment").click()
    see(page, "Appointment moved")
    yield "moved"
    page.get_by_role("link", name="Cancel it").click()
    see(page, "Cancel this appointment?")
    yield "cancel"
    page.get_by_role("button", name="Cancel the appointment").click()
    see(page, "This appointment is cancelled")
    yield "cancelled"
    page.goto(f"{site.url}/find")
    yield "find"
    page.get_by_label("Reference").fill("QX7-4RM")
    page.get_by_label("E-mail").fill("nobody@example.org")
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("alert").wait_for()
    yield "found nothing"


def _failing(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    open_times(page, site.url, doctor)
    site.book_elsewhere(doctor.slots["10:00"])
    page.evaluate(PRESS_UNSEEN, doctor.slots["10:00"])
    page.locator(".alternatives").wait_for()
    yield "conflict"
    held = hold(page, site.url, doctor, "14:00")
    site.lapse(doctor.slots["14:00"])
    page.goto(f"{site.url}/find")
    page.goto(held)
    yield "hold ended"
    page.goto(f"{site.url}/nothing")
    yield "not found"


def _repeating(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    site.add_slots(doctor.id, doctor.day + timedelta(days=7), ("10:00",))
    book(page, site, doctor, "10:00")
    page.get_by_role("link", name="Repeat it").click()
    see(page, "Repeat the appointment")
    yield "repeat"
    page.get_by_label("Times in all").fill("3")
    page.get_by_role("button", name="Show the times").click()
    page.locator("#times-title").wait_for()
    yield "repeat: times"
    page.get_by_role("button", name="Book the free one").click()
    page.wait_for_url("**done=booked")
    yield "all times of a series"


def _waiting(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty(times=())
    page.goto(f"{site.url}/doctors/{doctor.id}/wait?date={doctor.day}")
    yield "waitlist"
    page.get_by_role("button", name="Stand in line").click()
    page.locator("#errors").wait_for()
    yield "waitlist with errors"
    page.get_by_label("Full name").fill(NAME)
    page.get_by_label("E-mail").fill("line@example.org")
    page.get_by_role("button", name="Stand in line").click()
    see(page, "You are number 1 in line")
    yield "place in line"
    page.get_by_role("button", name="Wait no longer").click()
    see(page, "You wait no longer")
    yield "left the line"


def _reading_mails(site: Site, page: Page) -> Iterator[str]:
    page.goto(f"{site.url}/dev/mails")
    yield "mails"
    assert site.mails_to(EMAIL)
    page.goto(f"{site.url}/dev/mails")
    yield "mails that came"
    page.get_by_role("link", name="Appointment confirmed").first.click()
    page.get_by_text("As HTML").click()
    page.locator("iframe").wait_for()
    yield "mail"
