"""A receptionist's hour, by keyboard alone and by mouse; and two screens that show the same."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import (
    HALF_HOURS,
    SILENCE,
    begin,
    board_path,
    log_in,
    names_of,
    on_slot,
    soon,
    status_of,
    tab_to,
    tab_to_board,
    walk_to,
)
from tests.browser.site import DoctorOnDuty, Site, today_at_the_clinic
from tests.moments import no_longer_than
from tests.servers import eventually

Visit = Callable[..., Page]
WIDE = {"width": 1280, "height": 900}
BEGAN = {"viewport": WIDE}


def a_specialty() -> str:
    return f"Desk{uuid.uuid4().hex[:6]}"


def book_by_keys(page: Page, name: str) -> None:
    page.keyboard.press("Enter")
    expect(page.get_by_label("Find a patient")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Full name")).to_be_focused()
    expect(page.get_by_label("Full name")).to_have_value(name)
    page.keyboard.press("Enter")


@pytest.mark.timeout(240)
def test_a_receptionists_hour_by_keyboard_alone(site: Site, visit: Visit) -> None:
    specialty = a_specialty()
    doctor = site.doctor_on_duty(HALF_HOURS, specialization=specialty)
    other = site.doctor_on_duty(HALF_HOURS, specialization=specialty)
    page = visit(**BEGAN)
    page.route("**/api/events**", lambda route: route.fulfill(**SILENCE))
    log_in(page, site, board_path(doctor, specialty))

    _ten_quick_books(page, site, doctor)
    _five_moves_one_refused(page, site, doctor, other)
    _three_walk_ins(page, site, doctor, specialty)
    _two_no_shows(page, site, doctor, specialty)
    _a_closure_with_twelve(page, site, doctor, specialty)


def _ten_quick_books(page: Page, site: Site, doctor: DoctorOnDuty) -> None:
    tab_to(page, "09:00 to 09:30, free")
    for number, at in enumerate(HALF_HOURS[:10]):
        walk_to(page, doctor.slots[at])
        book_by_keys(page, f"Patient Number{number}")
        expect(page.locator(f'[data-slot="{doctor.slots[at]}"]')).to_contain_text(f"Patient Number{number}")
        on_slot(page, doctor.slots[at])
    assert names_of(site, doctor) == [f"Patient Number{number}" for number in range(10)]


def pick_up(page: Page, slot_id: int, name: str) -> None:
    walk_to(page, slot_id)
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name=f"Move {name}")).to_be_visible()
    eventually(lambda: page.evaluate("document.activeElement.matches('.card--target')"), what="a target")


def _five_moves_one_refused(page: Page, site: Site, doctor: DoctorOnDuty, other: DoctorOnDuty) -> None:
    for number, at in enumerate(HALF_HOURS[:4]):
        pick_up(page, doctor.slots[at], f"Patient Number{number}")
        walk_to(page, other.slots[at])
        page.keyboard.press("Enter")
        expect(page.locator(f'[data-slot="{other.slots[at]}"] .card--booked')).to_be_visible()
        on_slot(page, other.slots[at])
        assert (site.slot_state(doctor.slots[at]), site.slot_state(other.slots[at])) == ("OPEN", "BOOKED")
    old, wanted = doctor.slots[HALF_HOURS[9]], other.slots[HALF_HOURS[8]]
    pick_up(page, old, "Patient Number9")
    walk_to(page, wanted)
    site.book_elsewhere(wanted)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This time is already booked. Free nearby:")
    assert site.slot_state(old) == "BOOKED"
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Patient Number9", exact=True)).to_be_visible()


def _three_walk_ins(page: Page, site: Site, doctor: DoctorOnDuty, specialty: str) -> None:
    slots = soon(site, doctor, 3)
    page.keyboard.press("t")
    expect(page.locator(f'[data-slot="{slots[0]}"]')).to_be_visible()
    for number, slot_id in enumerate(slots):
        page.keyboard.press("w")
        expect(page.get_by_role("heading", name="Walk-in")).to_be_visible()
        expect(page.get_by_label("Find a patient")).to_be_focused()
        page.keyboard.type(f"Walter Walk{number}")
        page.keyboard.press("ArrowDown")
        expect(page.get_by_label("Full name")).to_have_value(f"Walter Walk{number}")
        tab_to_doctor_choice(page, doctor)
        page.keyboard.press("Enter")
        on_slot(page, slot_id)
        assert status_of(site, slot_id) == "ARRIVED"


def tab_to_doctor_choice(page: Page, doctor: DoctorOnDuty) -> None:
    """Other tests have doctors too; the person asks for this one."""
    for _ in range(6):
        if page.evaluate("document.activeElement.name") == "doctor_id":
            break
        page.keyboard.press("Tab")
    page.keyboard.type(doctor.name)
    page.keyboard.press("Tab")


def _two_no_shows(page: Page, site: Site, doctor: DoctorOnDuty, specialty: str) -> None:
    late = soon(site, doctor, 2, after_minutes=10)
    for number, slot_id in enumerate(late):
        site.book_elsewhere(slot_id)
        begin(site, slot_id, 20 + 10 * number)
    page.goto(f"{site.url}{board_path(doctor, specialty, today_at_the_clinic())}")
    for slot_id in late:
        card = page.locator(f'[data-slot="{slot_id}"] [data-card]')
        expect(card).to_be_visible()
        if page.evaluate("!document.activeElement.dataset.card"):
            tab_to_board(page)
        walk_to(page, slot_id)
        page.keyboard.press("x")
        expect(page.locator(f'[data-slot="{slot_id}"]')).to_contain_text("No-show")
        assert status_of(site, slot_id) == "NO_SHOW"


def _a_closure_with_twelve(page: Page, site: Site, doctor: DoctorOnDuty, specialty: str) -> None:
    ill = site.doctor_on_duty(HALF_HOURS[:12], days_ahead=5, specialization=specialty)
    for at in HALF_HOURS[:12]:
        site.book_elsewhere(ill.slots[at])
    spare = site.add_slots(ill.id, ill.day + timedelta(days=1), HALF_HOURS)
    page.goto(f"{site.url}{board_path(ill, specialty)}")
    tab_to(page, "Close a time")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Close a time")).to_be_visible()
    page.keyboard.press("Tab")
    for _ in range(20):
        if page.evaluate("document.activeElement.name") == "doctor_id":
            break
        page.keyboard.press("Tab")
    page.keyboard.type(ill.name)
    tab_to(page, "See who is affected")
    page.keyboard.press("Enter")
    expect(page.get_by_text("12 bookings are affected")).to_be_visible()
    tab_to(page, "Close it and do this for 12")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="12 moved")).to_be_visible()
    moved = {booking.starts_at.astimezone().date() for booking in site.confirmed_of(ill)}
    assert len(site.confirmed_of(ill)) == 12
    assert ill.day not in moved
    assert {site.slot_state(each) for each in ill.slots.values()} == {"BLOCKED"}
    assert [site.slot_state(each) for each in spare.values()].count("BOOKED") == 12


@pytest.mark.timeout(180)
def test_every_step_by_mouse(site: Site, visit: Visit) -> None:
    specialty = a_specialty()
    doctor = site.doctor_on_duty(HALF_HOURS, specialization=specialty)
    page = visit(**BEGAN)
    log_in(page, site, board_path(doctor, specialty))

    def card(at: str) -> str:
        return f'[data-slot="{doctor.slots[at]}"] [data-card]'

    page.locator(card("09:00")).click()
    page.get_by_label("Full name").fill("Mona Mouse")
    page.get_by_role("button", name="Book 09:00").click()
    expect(page.locator(card("09:00"))).to_contain_text("Mona Mouse")

    page.drag_and_drop(card("09:00"), card("10:30"))
    expect(page.locator(card("10:30"))).to_contain_text("Mona Mouse")
    expect(page.locator(card("09:00"))).to_contain_text("Free")

    page.get_by_role("link", name="Overbook this time").click()
    page.get_by_label("Why must this time hold one more?").fill("Acute pain")
    page.get_by_label("Full name").fill("Ella Extra")
    page.get_by_role("button", name="Overbook", exact=True).last.click()
    expect(page.locator(".slot--extra")).to_contain_text("Ella Extra")

    page.locator(card("10:30")).click()
    expect(page.get_by_role("heading", name="Mona Mouse")).to_be_visible()
    page.get_by_role("link", name="Cancel it").click()
    expect(page.get_by_role("heading", name="Cancel Mona Mouse?")).to_be_visible()
    page.get_by_role("button", name="Cancel the appointment").click()
    expect(page.locator(card("10:30"))).to_contain_text("Free")
    assert names_of(site, doctor) == ["Ella Extra"]

    site.hold_elsewhere(doctor.slots["13:00"])
    expect(page.locator(card("13:00"))).to_contain_text("On hold 1:5")
    page.locator(card("13:00")).click()
    page.get_by_role("button", name="Release it now").click()
    expect(page.locator(card("13:00"))).to_contain_text("Free")


@pytest.mark.timeout(180)
def test_who_comes_in_who_does_not_come_and_a_closure_by_mouse(site: Site, visit: Visit) -> None:
    specialty = a_specialty()
    doctor = site.doctor_on_duty(HALF_HOURS[:3], specialization=specialty)
    (free, late) = soon(site, doctor, 2, after_minutes=3)
    site.book_elsewhere(late)
    begin(site, late, 20)
    page = visit(**BEGAN)
    log_in(page, site, board_path(doctor, specialty, today_at_the_clinic()))

    page.get_by_role("link", name="Walk-in").click()
    page.get_by_label("Full name").fill("Walter Walk")
    page.get_by_label("Doctor").select_option(doctor.name)
    page.get_by_role("button", name="Next free time").click()
    expect(page.locator(f'[data-slot="{free}"]')).to_contain_text("Walter Walk")
    assert status_of(site, free) == "ARRIVED"

    page.locator(f'[data-slot="{late}"] [data-card]').click()
    page.get_by_role("button", name="No-show").click()
    expect(page.locator(f'[data-slot="{late}"]')).to_contain_text("No-show")
    assert status_of(site, late) == "NO_SHOW"

    _close_by_mouse(page, site, doctor, specialty)


def _close_by_mouse(page: Page, site: Site, doctor: DoctorOnDuty, specialty: str) -> None:
    for slot_id in doctor.slots.values():
        site.book_elsewhere(slot_id)
    spare = site.add_slots(doctor.id, doctor.day + timedelta(days=1), HALF_HOURS[:4])
    page.goto(f"{site.url}{board_path(doctor, specialty)}")
    page.get_by_role("link", name="Close a time").click()
    page.get_by_label("Doctor").select_option(doctor.name)
    page.get_by_role("button", name="See who is affected").click()
    page.get_by_role("button", name="Close it and do this for 3").click()
    expect(page.get_by_role("status").filter(has_text="3 moved")).to_be_visible()
    assert [site.slot_state(each) for each in spare.values()].count("BOOKED") == 3
    page.get_by_role("button", name="Open the time again").click()
    expect(page.locator(f'[data-slot="{doctor.slots["09:00"]}"]')).to_contain_text("Free")


def test_a_drop_that_is_refused_springs_back_and_says_why(site: Site, visit: Visit) -> None:
    specialty = a_specialty()
    doctor = site.doctor_on_duty(("09:00", "09:30", "10:00"), specialization=specialty)
    site.book_elsewhere(doctor.slots["09:00"])
    page = visit(**BEGAN)
    page.route("**/api/events**", lambda route: route.fulfill(**SILENCE))
    log_in(page, site, board_path(doctor, specialty))
    site.book_elsewhere(doctor.slots["10:00"])

    page.drag_and_drop(
        f'[data-slot="{doctor.slots["09:00"]}"] [data-card]',
        f'[data-slot="{doctor.slots["10:00"]}"] [data-card]',
    )

    expect(page.get_by_role("alert")).to_have_text("This time is already booked. Free nearby: 09:30.")
    expect(page.locator(f'[data-slot="{doctor.slots["09:00"]}"] .is-refused')).to_be_visible()
    assert site.slot_state(doctor.slots["09:00"]) == "BOOKED"


@pytest.mark.alone
def test_a_change_on_one_screen_shows_on_the_other_within_a_second(site: Site, visit: Visit) -> None:
    specialty = a_specialty()
    doctor = site.doctor_on_duty(HALF_HOURS[:4], specialization=specialty)
    one, two = visit(**BEGAN), visit(**BEGAN)
    log_in(one, site, board_path(doctor, specialty))
    log_in(two, site, board_path(doctor, specialty))
    one.locator(f'[data-slot="{doctor.slots["09:00"]}"] [data-card]').click()
    one.get_by_label("Full name").fill("Lena Live")
    seen = two.locator(f'[data-slot="{doctor.slots["09:00"]}"]')
    time.sleep(1.5)  # both streams are open

    one.get_by_role("button", name="Book 09:00").click()
    expect(one.locator(f'[data-slot="{doctor.slots["09:00"]}"]')).to_contain_text("Lena Live")
    with no_longer_than(1.0):
        expect(seen).to_contain_text("Lena Live")


def test_what_is_typed_survives_what_others_do(site: Site, visit: Visit) -> None:
    specialty = a_specialty()
    doctor = site.doctor_on_duty(HALF_HOURS[:4], specialization=specialty)
    page = visit(**BEGAN)
    log_in(page, site, board_path(doctor, specialty))
    page.locator(f'[data-slot="{doctor.slots["09:00"]}"] [data-card]').click()
    page.get_by_label("Full name").fill("Half typed")

    site.book_elsewhere(doctor.slots["09:30"])

    expect(page.locator(f'[data-slot="{doctor.slots["09:30"]}"]')).to_contain_text("Some Body")
    expect(page.get_by_label("Full name")).to_have_value("Half typed")
