"""One walk past every screen of the administration, and the operator's audit."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

from playwright.sync_api import Page, expect

from app.accounts.principals import Role
from tests.browser.account import log_in_as, open_account, press
from tests.browser.site import Site, today_at_the_clinic
from tests.browser.tour import see

PAGES = frozenset(
    {
        "admin", "admin_new_doctor", "admin_doctor", "admin_slots", "admin_holidays", "admin_bookings",
        "admin_statistics",
        "admin_rules", "admin_webhooks", "admin_webhook", "people", "audit",
    }
)  # fmt: skip


def every_admin_screen(site: Site, page: Page) -> Iterator[str]:
    """Brings the page to each screen and names it; stops there until the next is asked for."""
    log_in_as(page, site, Role.ADMIN, "Ada Admin")
    yield from _doctors(site, page)
    yield from _slots(site, page)
    yield from _holidays(site, page)
    yield from _lists(site, page)
    yield from _settings(site, page)
    yield from _webhooks(site, page)
    page.context.clear_cookies()
    log_in_as(page, site, Role.OPERATOR, "Olga Operator")
    yield from _audit(site, page)


def _doctors(site: Site, page: Page) -> Iterator[str]:
    booked = site.doctor_on_duty()
    site.book_elsewhere(booked.slots["09:00"])
    page.goto(f"{site.url}/admin")
    yield "doctors"
    page.get_by_role("link", name="Add a doctor").click()
    yield "new doctor"
    press(page, "Save")
    page.locator("#errors").wait_for()
    yield "new doctor with errors"
    page.get_by_label("Name", exact=True).fill(f"Dr. Nora Neu {uuid.uuid4().hex[:6]}")
    page.get_by_label("Specialty").fill("Dermatology")
    press(page, "Save")
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    yield "doctor saved"
    page.get_by_label("Monday, stretch 1, from").fill("09:00")
    press(page, "Save the hours")
    page.locator(".field__wrong").first.wait_for()
    yield "hours with errors"
    page.goto(f"{site.url}/admin/doctors/{booked.id}")
    yield "doctor with bookings"


def _slots(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    page.goto(f"{site.url}/admin/slots?doctor_id={doctor.id}&first={doctor.day}&last={doctor.day}")
    yield "times without hours"
    page.get_by_label("The same hours every day").check()
    page.get_by_label("Weekends too").check()
    page.get_by_label("Until").fill((doctor.day + timedelta(days=9)).isoformat())
    press(page, "Show what will be made")
    page.get_by_role("heading", name="will be made").wait_for()
    page.get_by_text("left out, and why").click()
    yield "times that will be made"
    press(page, "Close the day")
    page.locator(".field__wrong").first.wait_for()
    yield "holiday with errors"


def _holidays(site: Site, page: Page) -> Iterator[str]:
    page.goto(f"{site.url}/admin/holidays")
    yield "public holidays"
    page.get_by_label("Year").select_option(str(today_at_the_clinic().year + 1))
    press(page, "Show the days")
    page.get_by_role("heading", name="What closing them does").wait_for()
    yield "public holidays of a year"


def _lists(site: Site, page: Page) -> Iterator[str]:
    doctor = site.doctor_on_duty()
    site.book_elsewhere(doctor.slots["09:00"])
    page.goto(f"{site.url}/admin/bookings")
    yield "bookings"
    page.goto(f"{site.url}/admin/bookings?doctor_id={doctor.id}&status=CANCELLED")
    yield "no booking matches"
    open_account(site, Role.STAFF, "Dana Desk")
    page.goto(f"{site.url}/people")
    page.locator("details summary").first.click()
    yield "people"
    page.goto(f"{site.url}/people?q=nobody-is-called-so")
    yield "nobody found"
    page.goto(f"{site.url}/admin/statistics?first={doctor.day - timedelta(days=20)}&last={doctor.day}")
    page.locator("details summary").first.click()
    yield "statistics"
    page.goto(f"{site.url}/admin/statistics?first=2001-01-01&last=2001-01-07")
    yield "statistics of nothing"


def _settings(site: Site, page: Page) -> Iterator[str]:
    page.goto(f"{site.url}/admin/settings")
    yield "settings"
    page.get_by_label("A reminder goes out").fill("soon")
    press(page, "Save")
    page.locator("#errors").wait_for()
    yield "settings with errors"
    page.goto(f"{site.url}/admin/doctors/987654321")
    see(page, "Not found")
    yield "no such doctor"


def _webhooks(site: Site, page: Page) -> Iterator[str]:
    page.goto(f"{site.url}/admin/webhooks")
    yield "webhooks"
    page.get_by_label("Address").fill("http://127.0.0.1/hook")
    press(page, "Register")
    page.locator("#errors").wait_for()
    yield "webhook with errors"
    page.get_by_label("Address").fill("https://hooks.example.org/oneslot")
    press(page, "Register")
    page.locator(".webhook__secret").wait_for()
    yield "webhook and its secret"
    press(page, "Send a test")
    page.get_by_role("table").wait_for()
    yield "webhook with deliveries"


def _audit(site: Site, page: Page) -> Iterator[str]:
    page.goto(f"{site.url}/audit")
    yield "audit"
    press(page, "Check every entry now")
    expect(page.get_by_role("status").or_(page.get_by_role("alert")).first).to_be_visible()
    yield "audit checked"
    page.goto(f"{site.url}/monitor/health?date={today_at_the_clinic()}")
    yield "monitor without a cluster"
