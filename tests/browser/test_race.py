"""Two people want one time; times go and come while one looks."""

import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.browser.steps import book, fill_details, go_on, hold, open_times, time_button

Visit = Callable[..., Page]
AT_ONCE_MS = 1_000


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_of_two_people_one_wins_and_the_other_learns_the_truth(
    site: Site, visit: Visit, has_scripts: bool
) -> None:
    doctor = site.doctor_on_duty()
    winner, loser = visit(java_script_enabled=has_scripts), visit(java_script_enabled=False)
    open_times(winner, site.url, doctor)
    open_times(loser, site.hasty_url, doctor)  # another node

    time_button(winner, doctor, "10:00").click()
    expect(winner.get_by_role("heading", level=1)).to_have_text("Who is the appointment for?")
    time_button(loser, doctor, "10:00").click()

    expect(loser.get_by_role("heading", level=1)).to_have_text("10:00 is on hold for someone else")
    expect(loser.get_by_role("alert")).to_contain_text("about 2 minutes to finish")
    offered = loser.locator(".alternatives time").all_inner_texts()
    assert offered == ["09:00", "09:30", "10:30"] or offered == ["09:30", "10:30", "09:00"]
    loser.locator(".alternatives button").filter(has_text="10:30").click()
    expect(loser.locator(".slip__time time")).to_have_text("10:30")


def test_two_presses_at_the_same_moment_have_one_winner(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    pages = [visit(), visit()]
    for page, url in zip(pages, (site.url, site.hasty_url), strict=True):
        open_times(page, url, doctor)
        # Both presses leave at one agreed moment of this machine's clock.
        page.evaluate(
            """([slot, at]) => setTimeout(() => document.querySelector(`[data-slot="${slot}"] .time`).click(),
                                          at - Date.now())""",
            [doctor.slots["10:00"], _in_a_moment(page)],
        )

    for page in pages:
        page.wait_for_url(lambda url: "/hold" in url)
        page.wait_for_load_state()

    headings = sorted(page.get_by_role("heading", level=1).inner_text() for page in pages)
    assert headings == ["10:00 is on hold for someone else", "Who is the appointment for?"]
    assert len(site.bookings_of(doctor)) == 1


def _in_a_moment(page: Page) -> float:
    if not hasattr(_in_a_moment, "at"):
        _in_a_moment.at = page.evaluate("Date.now() + 1500")
    return _in_a_moment.at


def test_a_time_taken_elsewhere_is_shown_within_a_second_and_keeps_the_focus(
    site: Site, visit: Visit
) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    with page.expect_response("**/api/events*"):
        open_times(page, site.url, doctor)
    button = time_button(page, doctor, "10:00")
    button.focus()

    site.book_elsewhere(doctor.slots["10:00"])

    expect(button).to_have_attribute("aria-disabled", "true", timeout=AT_ONCE_MS)
    expect(button).to_contain_text("just taken")
    expect(button).to_be_focused()
    expect(page.get_by_role("status")).to_have_text(
        "10:00 was just taken by someone else. Nearest free: 09:00, 09:30, 10:30."
    )


def test_a_taken_time_leaves_after_a_while_but_never_from_under_the_focus(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    page.clock.install()
    with page.expect_response("**/api/events*"):
        open_times(page, site.url, doctor)
    focused, other = time_button(page, doctor, "10:00"), time_button(page, doctor, "09:00")
    focused.focus()

    for time in ("10:00", "09:00"):
        site.book_elsewhere(doctor.slots[time])
        expect(time_button(page, doctor, time)).to_contain_text("just taken")
    page.clock.run_for(7_000)

    expect(other).to_have_count(0)
    expect(focused).to_be_focused()
    time_button(page, doctor, "09:30").focus()
    page.clock.run_for(2_000)
    expect(focused).to_have_count(0)


def test_pressing_a_time_that_was_taken_meanwhile_does_nothing(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    with page.expect_response("**/api/events*"):
        open_times(page, site.url, doctor)
    site.hold_elsewhere(doctor.slots["10:00"])
    button = time_button(page, doctor, "10:00")
    expect(button).to_contain_text("on hold")

    button.click(force=True)

    expect(page.get_by_role("heading", level=1)).to_have_text("Pick a time")


def test_a_time_that_comes_back_is_offered_again(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page, other = visit(), visit()
    hold(other, site.url, doctor, "10:00")
    open_times(page, site.url, doctor)
    expect(time_button(page, doctor, "10:00")).to_contain_text("on hold")

    other.get_by_role("button", name="Give this time back").click()

    expect(time_button(page, doctor, "10:00")).not_to_have_attribute("aria-disabled", "true")


def test_changes_missed_while_the_stream_was_away_are_caught_up(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    away = threading.Event()
    page.route("**/api/events*", lambda route: route.abort() if not away.is_set() else route.continue_())
    open_times(page, site.url, doctor)
    site.book_elsewhere(doctor.slots["10:00"])

    away.set()

    expect(time_button(page, doctor, "10:00")).to_have_count(0, timeout=15_000)


def test_my_time_taken_by_somebody_when_i_was_too_late(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit(java_script_enabled=False)
    hold(page, site.url, doctor, "10:00")
    site.lapse(doctor.slots["10:00"])
    site.book_elsewhere(doctor.slots["10:00"])

    fill_details(page)
    page.get_by_role("button", name="Go on to check").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("10:00 was just taken by someone else")
    page.locator(".alternatives button").first.click()

    expect(page.get_by_label("Full name")).to_have_value("Mara Lindqvist")
    go_on(page)


def test_moving_to_a_time_that_was_just_taken_keeps_the_appointment(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    book(page, site, doctor, "10:00")
    page.get_by_role("link", name="Move it").click()
    time_button(page, doctor, "14:30").click()
    site.book_elsewhere(doctor.slots["14:30"])

    page.get_by_role("button", name="Move the appointment").click()

    expect(page.get_by_role("alert")).to_contain_text("Your appointment is unchanged.")
    assert site.slot_state(doctor.slots["10:00"]) == "BOOKED"
