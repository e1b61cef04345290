"""Everything by keyboard alone; the calendar after the ARIA APG date grid."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.site import DoctorOnDuty, Site, today_at_the_clinic
from tests.browser.steps import open_times, time_button

Visit = Callable[..., Page]


def focused_day(page: Page) -> str:
    return page.evaluate("document.activeElement.dataset.day")


def tab_to(page: Page, target: Locator, most: int = 80) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{target} cannot be reached by the Tab key")


@pytest.fixture
def doctor(site: Site) -> DoctorOnDuty:
    """Times on the 10th of the month after next, and around it."""
    today = today_at_the_clinic()
    tenth = (today.replace(day=1) + timedelta(days=70)).replace(day=10)
    doctor = site.doctor_on_duty(days_ahead=(tenth - today).days)
    site.add_slots(doctor.id, tenth + timedelta(days=1), ("09:00",))
    site.add_slots(doctor.id, tenth + timedelta(days=40), ("09:00",))
    return doctor


def test_a_whole_booking_by_keyboard(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    open_times(page, site.url, doctor)

    tab_to(page, time_button(page, doctor, "10:00"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is the appointment for?")
    tab_to(page, page.get_by_label("Full name"))
    page.keyboard.type("Mara Lindqvist")
    page.keyboard.press("Tab")
    page.keyboard.type("mara@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is everything right?")
    tab_to(page, page.get_by_role("button", name="Confirm the appointment"))
    page.keyboard.press("Space")

    expect(page.get_by_role("heading", level=1)).to_have_text("Appointment booked")


def test_the_calendar_is_one_tab_stop(site: Site, visit: Visit, doctor: DoctorOnDuty) -> None:
    page = visit()
    open_times(page, site.url, doctor)

    expect(page.locator('[data-grid] [tabindex="0"]')).to_have_count(1)
    expect(page.locator('[data-grid] [tabindex="0"]')).to_have_attribute("data-day", str(doctor.day))
    expect(page.get_by_role("grid")).to_be_visible()
    expect(page.locator('td[aria-selected="true"]')).to_have_count(1)


@pytest.mark.parametrize(
    ("key", "days"),
    [("ArrowRight", 1), ("ArrowLeft", -1), ("ArrowDown", 7), ("ArrowUp", -7)],
)
def test_arrows_move_by_day_and_week(
    site: Site, visit: Visit, doctor: DoctorOnDuty, key: str, days: int
) -> None:
    page = visit()
    open_times(page, site.url, doctor)
    page.locator('[data-grid] [tabindex="0"]').focus()

    page.keyboard.press(key)

    assert focused_day(page) == str(doctor.day + timedelta(days=days))


def test_home_and_end_go_to_the_ends_of_the_week(site: Site, visit: Visit, doctor: DoctorOnDuty) -> None:
    page = visit()
    open_times(page, site.url, doctor)
    page.locator('[data-grid] [tabindex="0"]').focus()
    monday = doctor.day - timedelta(days=doctor.day.weekday())

    page.keyboard.press("Home")
    assert focused_day(page) == str(monday)
    page.keyboard.press("End")

    assert focused_day(page) == str(monday + timedelta(days=6))


def test_page_keys_turn_months_and_say_the_month(site: Site, visit: Visit, doctor: DoctorOnDuty) -> None:
    page = visit()
    open_times(page, site.url, doctor)
    page.locator('[data-grid] [tabindex="0"]').focus()
    heading = page.locator("#month")
    before = heading.inner_text()
    following = (doctor.day.replace(day=1) + timedelta(days=32)).replace(day=10)

    page.keyboard.press("PageDown")
    expect(heading).not_to_have_text(before)
    assert focused_day(page) == str(following)
    expect(heading).to_have_attribute("aria-live", "polite")
    page.keyboard.press("PageUp")

    expect(heading).to_have_text(before)
    assert focused_day(page) == str(doctor.day)


def test_a_year_back_stops_at_the_first_month_there_is(
    site: Site, visit: Visit, doctor: DoctorOnDuty
) -> None:
    page = visit()
    open_times(page, site.url, doctor)
    page.locator('[data-grid] [tabindex="0"]').focus()

    page.keyboard.press("Shift+PageUp")

    expect(page.locator("#month")).to_have_text(f"{today_at_the_clinic():%B %Y}")
    assert focused_day(page) is not None


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_choosing_a_day_moves_the_focus_to_its_times(
    site: Site, visit: Visit, doctor: DoctorOnDuty, key: str
) -> None:
    page = visit()
    open_times(page, site.url, doctor)
    page.locator('[data-grid] [tabindex="0"]').focus()
    next_day = doctor.day + timedelta(days=1)

    page.keyboard.press("ArrowRight")
    page.keyboard.press(key)

    expect(page.locator("#day")).to_be_focused()
    expect(page.locator("#day")).to_contain_text(f"{next_day.day} {next_day:%B}")
    assert page.url.endswith(f"?date={next_day}")
    page.go_back()
    expect(page.locator("#day")).to_contain_text(f"{doctor.day.day} {doctor.day:%B}")


def test_a_day_without_times_is_announced_and_cannot_be_chosen(
    site: Site, visit: Visit, doctor: DoctorOnDuty
) -> None:
    page = visit()
    open_times(page, site.url, doctor)
    empty = page.locator(f'[data-day="{doctor.day + timedelta(days=2)}"]')

    expect(empty).to_have_attribute("aria-disabled", "true")
    assert "no times available" in (empty.get_attribute("aria-label") or "")
    before = page.url
    empty.focus()
    page.keyboard.press("Enter")

    assert page.url == before


def test_the_skip_link_leads_to_the_content(site: Site, visit: Visit) -> None:
    page = visit()
    page.goto(site.url)

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()
