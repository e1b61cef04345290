"""What a person does, in the words of the screens."""

from playwright.sync_api import Page, expect

from tests.browser.site import DoctorOnDuty, Site

NAME, EMAIL = "Mara Lindqvist", "mara@example.org"


def open_times(page: Page, base_url: str, doctor: DoctorOnDuty) -> None:
    page.goto(f"{base_url}/doctors/{doctor.id}?date={doctor.day}")


def time_button(page: Page, doctor: DoctorOnDuty, time: str):
    return page.locator(f'[data-slot="{doctor.slots[time]}"] .time')


def hold(page: Page, base_url: str, doctor: DoctorOnDuty, time: str) -> str:
    """Press a time; the address of the hold."""
    open_times(page, base_url, doctor)
    time_button(page, doctor, time).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is the appointment for?")
    return page.url


def fill_details(page: Page, name: str = NAME, email: str = EMAIL) -> None:
    page.get_by_label("Full name").fill(name)
    page.get_by_label("E-mail").fill(email)


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Go on to check").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is everything right?")


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Confirm the appointment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Appointment booked")


def book(page: Page, site: Site, doctor: DoctorOnDuty, time: str) -> str:
    """The whole way; the address of the booking's page."""
    hold(page, site.url, doctor, time)
    fill_details(page)
    go_on(page)
    confirm(page)
    return page.url
