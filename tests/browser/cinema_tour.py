"""One walk past every screen of the cinema: visitors', then the admin's."""

from collections.abc import Iterator
from datetime import timedelta

from playwright.sync_api import Page
from sqlalchemy import select

from app.accounts.actions import NewAccount, add_account
from app.accounts.passwords import Passwords
from app.accounts.principals import Role
from app.booking import ticket_code
from app.booking.actions import GUEST, Claim, hold_slot
from app.tables import Slot
from tests.browser.site import SOMEBODY, Site, today_at_the_clinic
from tests.browser.steps import fill_details, go_on
from tests.browser.tour import see
from tests.cinema import Cinema, block

PAGES = frozenset({"movies", "movie", "seats", "ticket", "admin_movies", "admin_halls", "admin_showtimes"})
ADMIN, PASSWORD = "cinema-admin@example.org", "correct horse battery"
PRESS_UNSEEN_SEAT = """slot => {
  const form = document.querySelector("[data-seat-form]");
  const field = { type: "hidden", name: "slot_id", value: slot };
  form.append(Object.assign(document.createElement("input"), field));
  form.submit();
}"""


def every_cinema_screen(site: Site, page: Page) -> Iterator[str]:
    """Brings the page to each screen and names it; stops there until the next is asked for."""
    yield from _choosing(site, page)
    yield from _ticket(site, page)
    yield from _making(site, page)


def _choosing(site: Site, page: Page) -> Iterator[str]:
    cinema = Cinema.on(site.database)
    movie = cinema.add_movie()
    showtime = cinema.add_showtime(movie_id=movie)
    seats = cinema.ids(showtime)
    book_seats(site, seats["B1"])
    page.goto(f"{site.url}/movies")
    yield "movies"
    page.goto(f"{site.url}/movies/{movie}")
    yield "movie"
    page.goto(f"{site.url}/showtimes/{showtime}")
    yield "seats"
    page.locator(f'.seat[value="{seats["B4"]}"]').click()
    page.locator("[data-hold]").wait_for()
    yield "seats with a basket"
    page.get_by_role("radio", name="List").check()
    yield "seats as a list"
    page.goto(f"{site.url}/showtimes/{cinema.add_showtime(block(25, 40))}")
    yield "a large hall"


def _ticket(site: Site, page: Page) -> Iterator[str]:
    cinema = Cinema.on(site.database)
    showtime = cinema.add_showtime()
    seats = cinema.ids(showtime)
    page.goto(f"{site.url}/showtimes/{showtime}")
    page.locator(f'.seat[value="{seats["B1"]}"]').click()
    page.get_by_role("link", name="Go on").click()
    see(page, "Who are the seats for?")
    yield "seats: details"
    fill_details(page)
    go_on(page)
    yield "seats: check"
    page.get_by_role("button", name="Book the seats").click()
    see(page, "Seats booked")
    page.locator("summary").click()
    yield "seats booked"
    booked = page.url
    page.goto(f"{site.url}/t/{_code_at_the_door(site, seats['B1'])}")
    see(page, "Valid for 1 seat")
    yield "ticket at the door"
    page.goto(booked)
    page.get_by_role("link", name="Change seats").click()
    see(page, "Pick another seat")
    yield "seats: other ones"
    page.goto(f"{site.url}/showtimes/{showtime}")
    book_seats(site, seats["B4"])
    page.evaluate(PRESS_UNSEEN_SEAT, str(seats["B4"]))
    page.locator('[data-part="conflict"]').wait_for()
    yield "seats lost"


def _code_at_the_door(site: Site, slot_id: int) -> str:
    """What the ticket's QR code holds."""
    with site.database.read() as connection:
        booking_id = connection.execute(select(Slot.booking_id).where(Slot.id == slot_id)).scalar_one()
    return ticket_code.issue(site.config.secret_key, booking_id)


def book_seats(site: Site, *slot_ids: int) -> None:
    hold_slot(site.engine, Claim(slot_ids, SOMEBODY, instant=True), GUEST)


def _making(site: Site, page: Page) -> Iterator[str]:
    log_in(site, page)
    yield "admin: movies"
    page.get_by_role("button", name="Look at it").click()
    page.locator("#errors").wait_for()
    yield "admin: movie with errors"
    for label, text in (("Title", "Paper Boats"), ("Minutes", "96"), ("Rating", "G"), ("Genre", "Family")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Add this movie").wait_for()
    yield "admin: movie looked at"
    page.get_by_role("button", name="Add this movie").click()
    page.get_by_role("navigation", name="The cinema").get_by_role("link", name="Halls").click()
    yield "admin: halls"
    page.get_by_label("Name of the hall").fill("Blue Hall")
    page.get_by_role("textbox", name="Cinema").fill("Palace")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Build this hall").wait_for()
    yield "admin: hall looked at"
    page.goto(f"{site.url}/admin/showtimes")
    yield "admin: showtimes"
    page.get_by_label("First day").fill((today_at_the_clinic() + timedelta(days=2)).isoformat())
    page.get_by_role("button", name="Look at them").click()
    page.get_by_role("heading", name="This makes").wait_for()
    yield "admin: showtimes looked at"


def log_in(site: Site, page: Page) -> None:
    """As an admin, on the way to the movies."""
    account = NewAccount(ADMIN, "Cinema Admin", Passwords(cheap=True).hash(PASSWORD), Role.ADMIN)
    site.database.run(lambda tx: add_account(tx, account))
    page.goto(f"{site.url}/admin/movies")
    page.get_by_label("E-mail").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    see(page, "Movies of the cinema")
