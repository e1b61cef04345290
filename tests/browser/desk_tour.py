"""One walk past every screen and panel of the front desk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from app.accounts.principals import Role
from app.booking.actions import GUEST, Claim, PatientDetails, hold_slot
from app.coordination.stamps import Stamper
from app.database import db_now
from app.directory.directory import Directory
from app.directory.patients import PatientDraft, create_patient
from app.tables import Booking, Slot
from tests.browser.account import log_in_as, press
from tests.browser.desk import HALF_HOURS, SILENCE, board_path
from tests.browser.site import DoctorOnDuty, Site
from tests.browser.tour import see

PAGES = frozenset({"desk", "desk_week", "desk_list", "desk_close", "desk_closure"})
PATIENTS = ("Amara Okafor", "Jonas Bergström-Oppenheimer", "Li Na", "Priya Raman", "Tomás Núñez", "Zoë Adler")
STATUSES = ("COMPLETED", "NO_SHOW", "IN_ROOM", "ARRIVED", "CONFIRMED", "CONFIRMED")


def every_desk_screen(site: Site, page: Page) -> Iterator[str]:
    """Brings the page to each screen and names it; stops there until the next is asked for."""
    specialty = f"Desk{uuid.uuid4().hex[:6]}"
    doctors = [site.doctor_on_duty(HALF_HOURS, specialization=specialty) for _ in range(3)]
    _a_full_day(site, doctors[0])
    page.route("**/api/events**", lambda route: route.fulfill(**SILENCE))
    put_on_file(site, "Amara Okafor", "Amara Oduya")
    log_in_as(page, site, Role.STAFF, "Dana Desk")
    yield from _the_day(site, page, doctors[0], specialty)
    yield from _panels(site, page, doctors[0], specialty)
    yield from _around_the_day(site, page, doctors[0], specialty)
    yield from _closing(site, page, doctors[1], specialty)
    yield from _refused(site, page, doctors[2], specialty)


def _a_full_day(site: Site, doctor: DoctorOnDuty) -> None:
    for at, name, status in zip(HALF_HOURS, PATIENTS, STATUSES, strict=False):
        patient = PatientDetails(name, f"{uuid.uuid4().hex[:6]}@example.org", "+49 30 5550 0100", "Check-up")
        hold_slot(site.engine, Claim((doctor.slots[at],), patient, instant=True), GUEST)
        _stand(site, doctor.slots[at], status)
    site.hold_elsewhere(doctor.slots["12:30"])


def put_on_file(site: Site, *names: str) -> None:
    stamper = Stamper(site.database, "node-1", site.url)
    directory = Directory(site.database, stamper, "node-1", lambda _change: None)
    for name in names:
        address = f"{uuid.uuid4().hex[:8]}@example.org"
        create_patient(directory, PatientDraft(name, address, "+49 30 5550 0102"), "a test")


def _stand(site: Site, slot_id: int, status: str) -> None:
    """As the desk would have said on the day."""
    with site.database.transaction() as tx:
        owner = select(Slot.booking_id).where(Slot.id == slot_id).scalar_subquery()
        came = {"arrived_at": db_now(-240)} if status in ("ARRIVED", "IN_ROOM", "COMPLETED") else {}
        tx.execute(update(Booking).where(Booking.id == owner).values(status=status, **came))


def _the_day(site: Site, page: Page, doctor: DoctorOnDuty, specialty: str) -> Iterator[str]:
    far = doctor.day + timedelta(days=400)
    page.goto(f"{site.url}{board_path(doctor, specialty, far)}")
    yield "nobody works on this day"
    page.goto(f"{site.url}{board_path(doctor, specialty)}")
    yield "day"
    page.get_by_text("Keys", exact=True).click()
    yield "keys"


def _panels(site: Site, page: Page, doctor: DoctorOnDuty, specialty: str) -> Iterator[str]:
    board = f"{site.url}{board_path(doctor, specialty)}"

    def slot(at: str) -> str:
        return f"{board}&slot={doctor.slots[at]}"

    page.goto(slot("14:00"))
    yield "free time"
    press(page, "Book 14:00")
    page.locator(".panel__head ~ .summary-of-errors, #errors").first.wait_for()
    yield "free time with errors"
    page.goto(f"{slot('14:00')}&q=amara")
    yield "patients found"
    page.goto(slot("11:00"))
    yield "booking"
    page.goto(f"{slot('11:00')}&panel=cancel")
    yield "cancel"
    page.goto(f"{slot('11:00')}&panel=overbook")
    yield "overbook"
    page.goto(slot("11:00"))
    page.get_by_role("link", name="Move", exact=True).click()
    page.locator(".card--target").first.wait_for()
    yield "moving"
    page.goto(slot("12:30"))
    yield "hold"
    page.goto(f"{board}&panel=walk-in")
    yield "walk-in"
    yesterday = doctor.day - timedelta(days=5)
    past = site.add_slots(doctor.id, yesterday, ("09:00",))["09:00"]
    page.goto(f"{site.url}{board_path(doctor, specialty, yesterday)}&slot={past}")
    yield "time that has passed"


def _around_the_day(site: Site, page: Page, doctor: DoctorOnDuty, specialty: str) -> Iterator[str]:
    page.goto(f"{site.url}/desk/list?date={doctor.day}&specialization={specialty}")
    yield "day list"
    page.goto(f"{site.url}/desk/week?date={doctor.day}&specialization={specialty}")
    yield "week"


def _closing(site: Site, page: Page, doctor: DoctorOnDuty, specialty: str) -> Iterator[str]:
    for at, name in zip(HALF_HOURS, PATIENTS[:3], strict=False):
        patient = PatientDetails(name, "told@example.org" if name != "Li Na" else None, "+49 30 5550 0101")
        hold_slot(site.engine, Claim((doctor.slots[at],), patient, instant=True), GUEST)
    page.goto(f"{site.url}/desk/close?date={doctor.day}")
    yield "close a time"
    page.get_by_label("Doctor").select_option(doctor.name)
    page.get_by_label("at").nth(1).fill("06:00")
    press(page, "See who is affected")
    page.get_by_role("alert").wait_for()
    yield "close a time with errors"
    page.get_by_label("at").nth(0).fill("08:00")
    page.get_by_label("at").nth(1).fill("12:00")
    page.get_by_label("Reason").fill("Ill")
    press(page, "See who is affected")
    page.get_by_text("3 bookings are affected").wait_for()
    page.get_by_label("What to do with Li Na").select_option("Decide later")
    yield "who is affected"
    press(page, "Close it and do this for 3")
    page.get_by_role("heading", name="1 still booked there").wait_for()
    yield "closed"
    page.goto(f"{site.url}{board_path(doctor, specialty)}")
    yield "day with a closure"


def _refused(site: Site, page: Page, doctor: DoctorOnDuty, specialty: str) -> Iterator[str]:
    page.goto(f"{site.url}{board_path(doctor, specialty)}&slot={doctor.slots['09:00']}")
    page.get_by_label("Full name").fill("Late Comer")
    site.book_elsewhere(doctor.slots["09:00"])
    page.locator("[data-part=panel] form").evaluate("form => form.submit()")
    expect(page.locator("main")).to_contain_text("already booked")
    yield "time was taken"
    page.goto(f"{site.url}/admin")
    see(page, "This is not for your account")
    yield "administration is not for the desk"
