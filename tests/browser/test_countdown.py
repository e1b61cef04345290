"""The hold's bar: honest, quiet, and kind to people who type slowly."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.site import HASTY_HOLD_SECONDS, DoctorOnDuty, Site
from tests.browser.steps import fill_details, go_on, hold, open_times, time_button
from tests.servers import eventually

#: A page's last word to the server cannot be waited for: the page is gone.
BEACON_MS = 800
Visit = Callable[..., Page]


#: Collects what a screen reader is told.
LISTEN = """() => {
  window.heard = [];
  const region = document.getElementById("announcer");
  new MutationObserver(() => region.textContent && window.heard.push(region.textContent))
    .observe(region, { childList: true, characterData: true, subtree: true });
}"""


def listen(page: Page) -> None:
    page.evaluate(LISTEN)


def heard_on(page: Page) -> list[str]:
    return page.evaluate("window.heard")


def seconds_shown(page: Page) -> int:
    shown = page.locator("[data-hold-left]")
    expect(shown).to_be_visible()
    minutes, seconds = shown.inner_text().strip("()").split(":")
    return int(minutes) * 60 + int(seconds)


def hold_by_a_clock(page: Page, site: Site, doctor: DoctorOnDuty) -> None:
    """Moving the clock moves the countdown, which has begun."""
    page.clock.install()
    hold(page, site.url, doctor, "10:00")
    expect(page.locator("[data-hold-left]")).to_be_visible()


def test_the_bar_counts_towards_the_servers_deadline(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold_by_a_clock(page, site, doctor)
    assert 110 <= seconds_shown(page) <= 120

    page.clock.run_for(62_000)
    expect(page.locator("[data-hold]")).to_have_attribute("data-level", "soon")
    page.clock.run_for(41_000)

    expect(page.locator("[data-hold]")).to_have_attribute("data-level", "last")
    assert seconds_shown(page) <= 17


def test_a_wrong_clock_on_the_device_changes_nothing(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    page.add_init_script("const real = Date.now; Date.now = () => real() + 3_600_000")

    hold(page, site.url, doctor, "10:00")

    assert 100 <= seconds_shown(page) <= 120


def test_a_screen_reader_hears_the_start_one_minute_and_twenty_seconds_only(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold_by_a_clock(page, site, doctor)
    listen(page)

    page.clock.run_for(110_000)

    heard = heard_on(page)
    assert len(heard) <= 4
    assert any("One minute left" in words for words in heard)
    assert heard[-1] == "20 seconds left."


def test_more_time_is_offered_without_taking_the_focus_and_keeps_what_is_typed(
    site: Site, visit: Visit
) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold_by_a_clock(page, site, doctor)
    fill_details(page)
    dialog = page.get_by_role("dialog", name="Need more time?")
    expect(dialog).to_be_hidden()

    page.clock.run_for(77_000)
    expect(dialog).to_be_visible()
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.get_by_role("button", name="Yes, keep holding it").click()

    expect(dialog).to_be_hidden()
    expect(page.locator("[data-hold]")).to_have_attribute("data-level", "calm")
    assert seconds_shown(page) >= 110
    expect(page.get_by_label("Full name")).to_have_value("Mara Lindqvist")
    assert site.bookings_of(doctor)[0].extensions == 1


def test_when_the_hold_ends_the_time_is_taken_again_and_nothing_typed_is_lost(
    site: Site, visit: Visit
) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    first = hold(page, site.hasty_url, doctor, "10:00")
    listen(page)
    fill_details(page)

    expect(page).not_to_have_url(first, timeout=(HASTY_HOLD_SECONDS + 8) * 1000)

    eventually(lambda: any("still free" in words for words in heard_on(page)), 10, "the good news")
    go_on(page)
    expect(page.locator(".sheet")).to_contain_text("Mara Lindqvist")
    # On a busy machine the second hold may have ended too: then a third stands for it.
    *ended, last = [booking.status for booking in site.bookings_of(doctor)]
    assert set(ended) == {"EXPIRED"}
    assert last == "PENDING"


def test_when_the_hold_ends_and_the_time_is_gone_others_are_offered(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold(page, site.hasty_url, doctor, "10:00")
    fill_details(page)
    site.lapse(doctor.slots["10:00"])
    site.book_elsewhere(doctor.slots["10:00"])

    alternatives = page.locator(".alternatives button")
    expect(alternatives).to_have_count(3, timeout=(HASTY_HOLD_SECONDS + 8) * 1000)
    expect(page.get_by_label("Full name")).to_have_value("Mara Lindqvist")
    alternatives.filter(has_text="10:30").click()

    expect(page.locator(".slip__time time")).to_have_text("10:30")
    expect(page.get_by_label("E-mail")).to_have_value("mara@example.org")


def test_going_back_gives_the_time_back(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page, other = visit(), visit()
    hold(page, site.url, doctor, "10:00")
    open_times(other, site.url, doctor)
    expect(time_button(other, doctor, "10:00")).to_contain_text("on hold")

    page.go_back()

    expect(time_button(other, doctor, "10:00")).not_to_have_attribute("aria-disabled", "true")
    expect(time_button(page, doctor, "10:00")).not_to_have_class("time--mine")


def test_going_back_from_the_check_to_the_form_keeps_the_hold(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    held = hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)

    page.go_back()

    expect(page).to_have_url(held)
    expect(page.get_by_label("Full name")).to_have_value("Mara Lindqvist")
    page.wait_for_timeout(BEACON_MS)
    assert [booking.status for booking in site.bookings_of(doctor)] == ["PENDING"]
    go_on(page)


def test_leaving_the_site_gives_the_time_back(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page, other = visit(), visit()
    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)
    open_times(other, site.url, doctor)
    expect(time_button(other, doctor, "10:00")).to_contain_text("on hold")

    page.goto("about:blank")

    expect(time_button(other, doctor, "10:00")).not_to_have_attribute("aria-disabled", "true")


def test_looking_for_another_time_keeps_the_first_until_the_other_is_held(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)

    page.get_by_role("link", name="Change time").click()
    page.wait_for_timeout(BEACON_MS)
    assert site.slot_state(doctor.slots["10:00"]) == "HELD"
    time_button(page, doctor, "14:00").click()
    expect(page.locator(".slip__time time")).to_have_text("14:00")

    assert [site.slot_state(doctor.slots[time]) for time in ("10:00", "14:00")] == ["OPEN", "HELD"]


def test_going_on_and_changing_something_keeps_the_hold(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    held = hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)

    page.get_by_role("link", name="Change phone").click()

    expect(page).to_have_url(f"{held}#patient_phone")
    expect(page.get_by_label("Full name")).to_have_value("Mara Lindqvist")
    assert site.slot_state(doctor.slots["10:00"]) == "HELD"


def test_reloading_the_form_keeps_the_hold(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    held = hold(page, site.url, doctor, "10:00")

    page.reload()

    expect(page.get_by_role("heading", level=1)).to_have_text("Who is the appointment for?")
    assert page.url == held
    page.wait_for_timeout(BEACON_MS)
    assert [booking.status for booking in site.bookings_of(doctor)] == ["PENDING"]


def test_my_own_hold_leads_back_to_the_form(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit(java_script_enabled=False)
    held = hold(page, site.url, doctor, "10:00")

    open_times(page, site.url, doctor)
    page.get_by_role("link", name="10:00, held for you").click()

    expect(page).to_have_url(held)
