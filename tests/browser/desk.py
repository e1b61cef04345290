"""A clinic's day for the front desk: accounts, doctors of a specialty of their own, and what keys do."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import insert, select, update

from app.accounts.actions import NewAccount, add_account
from app.accounts.passwords import Passwords
from app.accounts.principals import Role
from app.database import db_now
from app.tables import Booking, Slot
from tests.browser.site import DoctorOnDuty, Site
from tests.servers import eventually

PASSWORD = "correct horse battery"
HALF_HOURS = tuple(f"{hour:02}:{minute:02}" for hour in range(9, 17) for minute in (0, 30))
FOCUSED = """() => document.activeElement === document.body ? ''
  : document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"""
FOCUSED_SLOT = "() => document.activeElement?.closest('[data-part=board] [data-slot]')?.dataset.slot ?? ''"
#: Which arrow leads from the focused card to a slot: first into its column, then up or down.
WAY = """slot => {
  const place = card => card.closest("[data-slot]").getBoundingClientRect();
  const target = document.querySelector(`[data-part=board] [data-slot="${slot}"] [data-card]`);
  const here = document.activeElement;
  if (here === target) return "";
  const [from, to] = [place(here), place(target)];
  if (here.closest("[data-doctor]") !== target.closest("[data-doctor]")) {
    return from.left < to.left ? "ArrowRight" : "ArrowLeft";
  }
  return from.top < to.top ? "ArrowDown" : "ArrowUp";
}"""
HAS_SCRIPTS = "matchMedia('(scripting: enabled)').matches"
#: A stream that says nothing: what others do is then not seen before one acts.
SILENCE = {"status": 200, "content_type": "text/event-stream", "body": "retry: 600000\n: quiet\n\n"}


def log_in(page: Page, site: Site, path: str, role: Role = Role.ADMIN) -> None:
    account = NewAccount(
        f"{uuid.uuid4().hex}@example.org", "Dana Desk", Passwords(cheap=True).hash(PASSWORD), role,
        all_doctors=role is Role.STAFF,
    )  # fmt: skip
    site.database.run(lambda tx: add_account(tx, account))
    page.goto(f"{site.url}/login?next=/desk")
    page.get_by_label("E-mail").fill(account.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Desk")).to_be_visible()
    page.goto(f"{site.url}{path}")
    if page.evaluate(HAS_SCRIPTS):
        expect(page.locator("[data-desk]:not([data-scripted])")).to_have_count(0)


def board_path(doctor: DoctorOnDuty, specialty: str, day: date | None = None) -> str:
    return f"/desk?date={day or doctor.day}&specialization={specialty}"


def soon(site: Site, doctor: DoctorOnDuty, count: int, after_minutes: int = 1) -> list[int]:
    """Free times of today that begin within minutes."""
    start = datetime.now(UTC) + timedelta(minutes=after_minutes)
    with site.database.transaction() as tx:
        return [
            tx.execute(
                insert(Slot)
                .values(doctor_id=doctor.id, starts_at=start + timedelta(minutes=number),
                        ends_at=start + timedelta(minutes=number + 1))
                .returning(Slot.id)
            ).scalar_one()
            for number in range(count)
        ]  # fmt: skip


def begin(site: Site, slot_id: int, minutes_ago: int) -> None:
    """The booking of this slot began a while ago, as waiting for it would have it."""
    with site.database.transaction() as tx:
        start = tx.execute(select(db_now(-60 * minutes_ago))).scalar_one()
        end = start + timedelta(minutes=4)
        tx.execute(update(Slot).where(Slot.id == slot_id).values(starts_at=start, ends_at=end))
        owner = tx.execute(select(Slot.booking_id).where(Slot.id == slot_id)).scalar_one()
        tx.execute(update(Booking).where(Booking.id == owner).values(starts_at=start, ends_at=end))


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(120):
        if words in page.evaluate(FOCUSED):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {words!r}")


def tab_to_board(page: Page) -> None:
    for _ in range(60):
        if page.evaluate("document.activeElement.dataset.card"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab never came to the board")


def walk_to(page: Page, slot_id: int) -> None:
    """Arrow keys alone, from wherever the focus is on the board, to this slot's card."""
    for _ in range(80):
        arrow = page.evaluate(WAY, str(slot_id))
        if arrow == "":
            return
        page.keyboard.press(arrow)
    raise AssertionError(f"the arrows never came to slot {slot_id}")


def on_slot(page: Page, slot_id: int) -> None:
    """The page has settled with the focus on this slot's card."""
    eventually(lambda: page.evaluate(FOCUSED_SLOT) == str(slot_id), what=f"the focus on slot {slot_id}")


def status_of(site: Site, slot_id: int) -> str | None:
    with site.database.read() as connection:
        owner = select(Booking.status).join(Slot, Slot.booking_id == Booking.id)
        return connection.execute(owner.where(Slot.id == slot_id)).scalar()


def names_of(site: Site, doctor: DoctorOnDuty) -> list[str]:
    return sorted(booking.patient_name for booking in site.confirmed_of(doctor))
