"""Booking, moving and cancelling in a real browser, with JavaScript and without."""

from collections.abc import Callable

import pytest
from icalendar import Calendar
from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.browser.steps import EMAIL, NAME, book, confirm, fill_details, go_on, hold, open_times, time_button

Visit = Callable[..., Page]


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_person_books_from_the_first_screen_to_the_last(
    site: Site, visit: Visit, has_scripts: bool
) -> None:
    doctor = site.doctor_on_duty()
    page = visit(java_script_enabled=has_scripts)

    page.goto(site.url)
    page.get_by_label("Doctor, specialty or hospital").fill(doctor.name)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("heading", name=doctor.name).get_by_role("link").click()
    time_button(page, doctor, "10:00").click()
    fill_details(page)
    go_on(page)
    confirm(page)

    (booking,) = site.confirmed_of(doctor)
    assert (booking.patient_name, booking.patient_email) == (NAME, EMAIL)
    expect(page.locator(".reference")).to_have_text(booking.reference)
    assert site.slot_state(doctor.slots["10:00"]) == "BOOKED"


def test_the_next_free_time_is_one_press_away(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()

    page.goto(f"{site.url}/?q={doctor.name}")
    page.get_by_role("button", name=f"Next free time with {doctor.name}").click()

    expect(page.locator(".slip__time time")).to_have_text("09:00")
    assert site.slot_state(doctor.slots["09:00"]) == "HELD"


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_booking_is_moved_and_cancelled(site: Site, visit: Visit, has_scripts: bool) -> None:
    doctor = site.doctor_on_duty()
    page = visit(java_script_enabled=has_scripts)
    booked = book(page, site, doctor, "10:00")

    page.get_by_role("link", name="Move it").click()
    time_button(page, doctor, "14:30").click()
    page.get_by_role("button", name="Move the appointment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Appointment moved")
    expect(page.locator(".slip__time time")).to_have_text("14:30")
    assert [site.slot_state(doctor.slots[time]) for time in ("10:00", "14:30")] == ["OPEN", "BOOKED"]
    page.get_by_role("link", name="Cancel it").click()
    page.get_by_label("Why are you cancelling?").fill("Feeling better")
    page.get_by_role("button", name="Cancel the appointment").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("This appointment is cancelled")
    assert page.url == booked
    assert site.slot_state(doctor.slots["14:30"]) == "OPEN"


def test_the_calendar_entry_is_downloaded(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    book(page, site, doctor, "10:00")

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Add to calendar").click()

    (event,) = Calendar.from_ical(downloading.value.path().read_bytes()).walk("VEVENT")
    assert event.decoded("dtstart") == site.confirmed_of(doctor)[0].starts_at


def test_a_booking_is_found_again_by_reference_and_email(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    booked = book(page, site, doctor, "10:00")
    reference = page.locator(".reference").inner_text()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="My booking").click()
    page.get_by_label("Reference").fill(reference.replace("-", " ").lower())
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_role("button", name="Find it").click()

    expect(page).to_have_url(booked)


def test_wrong_fields_are_named_linked_and_kept(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold(page, site.url, doctor, "10:00")

    page.get_by_label("Full name").fill(NAME)
    page.get_by_label("E-mail").fill("mara@")
    page.get_by_role("button", name="Go on to check").click()

    expect(page.locator("#errors")).to_be_focused()
    page.get_by_role("link", name="Enter an e-mail address").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Full name")).to_have_value(NAME)


def test_the_confirm_button_cannot_be_pressed_twice(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)

    page.get_by_role("button", name="Confirm the appointment").dblclick()

    expect(page.get_by_role("heading", level=1)).to_have_text("Appointment booked")
    assert len(site.confirmed_of(doctor)) == 1


def test_a_lost_reply_is_repeated_with_the_same_booking(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)
    action = page.locator("form[data-done]").get_attribute("action")
    fields = page.locator("form[data-done]").evaluate("form => Object.fromEntries(new FormData(form))")

    lost = page.request.post(site.url + action, form=fields, headers={"Origin": site.url}, max_redirects=0)
    confirm(page)

    assert lost.status == 303
    assert page.url == site.url + lost.headers["location"]
    assert len(site.confirmed_of(doctor)) == 1


def test_a_form_of_another_site_cannot_book(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    open_times(page, site.url, doctor)
    fields = page.locator("[data-times]").evaluate("form => Object.fromEntries(new FormData(form))")
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    button = f'<button name="slot_id" value="{doctor.slots["10:00"]}">Win</button>'
    form = f'<form method="post" action="{site.url}/holds">{inputs}{button}</form>'
    # Another host name is another site to the browser, though it is this machine too.
    page.route("http://127.0.0.1:9/**", lambda route: route.fulfill(content_type="text/html", body=form))

    page.goto("http://127.0.0.1:9/prize")
    with page.expect_navigation() as navigation:
        page.get_by_role("button", name="Win").click()

    assert navigation.value.status == 403
    assert site.slot_state(doctor.slots["10:00"]) == "OPEN"
