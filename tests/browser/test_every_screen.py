"""What holds on every screen: axe finds nothing, nothing is cut off, targets can be hit."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.cinema_tour import every_cinema_screen
from tests.browser.site import Site
from tests.browser.steps import fill_details, go_on, hold, open_times
from tests.browser.tour import every_screen

Visit = Callable[..., Page]
Tour = Callable[[Site, Page], Iterator[str]]
WIDE, NARROW, NARROWEST = 1280, 375, 320
#: The details of what passed are the larger part of the work.
ONLY_VIOLATIONS = {"resultTypes": ["violations"]}
HEIGHT = 800
#: WCAG 2.5.5: what one presses alone, not a link inside a sentence.
TARGETS = "button, .button, .time, .date, .chip, .turn, .take, .top a, summary, .back, .input, .theme"
SMALLEST_TARGET = 44
TOO_SMALL = """([targets, smallest]) => [...document.querySelectorAll(targets)]
  .filter((element) => !element.matches(".unseen") && element.getClientRects().length)
  .filter((element) => element.getBoundingClientRect().height < smallest - 0.5)
  .map((element) => element.outerHTML.slice(0, 120))"""
CUT_OFF = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
  ? [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 120))
  : []"""


TOURS = pytest.mark.parametrize("tour", [every_screen, every_cinema_screen], ids=["clinic", "cinema"])


@TOURS
@pytest.mark.timeout(240)
def test_axe_finds_nothing_on_any_screen(site: Site, visit: Visit, tour: Tour) -> None:
    page = visit(viewport={"width": WIDE, "height": HEIGHT})
    found: list[str] = []

    for screen in tour(site, page):
        for scheme, width in (("light", WIDE), ("dark", NARROW), ("light", NARROW), ("dark", WIDE)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": HEIGHT})
            violations = Axe().run(page, options=ONLY_VIOLATIONS).response["violations"]
            found += [
                f"{screen}, {scheme}, {width}: {each['id']} {each['nodes'][0]['html']}" for each in violations
            ]

    assert found == []


@TOURS
def test_nothing_is_cut_off_and_every_target_can_be_hit(site: Site, visit: Visit, tour: Tour) -> None:
    page = visit(viewport={"width": NARROWEST, "height": HEIGHT})
    found: list[str] = []

    for screen in tour(site, page):
        for width in (NARROWEST, NARROW, 768, WIDE):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            found += [f"{screen} at {width}: {html}" for html in page.evaluate(CUT_OFF)]
        found += [f"{screen}: {html}" for html in page.evaluate(TOO_SMALL, [TARGETS, SMALLEST_TARGET])]

    assert found == []


def test_the_way_to_a_booking_weighs_little(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    transferred: list[int] = []
    page.on("requestfinished", lambda request: transferred.append(request.sizes()["responseBodySize"]))

    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)

    # Before compression by the balancer, and with every screen of the way.
    assert 10_000 < sum(transferred) < 100_000


def test_the_chosen_appearance_outlives_the_page(site: Site, visit: Visit) -> None:
    page = visit(color_scheme="light")
    page.goto(site.url)
    before = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    page.get_by_role("button", name="Dark appearance").click()
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.goto(f"{site.url}/find")

    expect(page.get_by_role("button", name="Dark appearance")).to_have_attribute("aria-pressed", "true")
    assert dark != before
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark


def test_the_device_zone_is_named_when_it_differs(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    away, home = visit(timezone_id="America/New_York"), visit(timezone_id="Europe/Berlin")
    open_times(away, site.url, doctor)
    open_times(home, site.url, doctor)

    expect(away.locator(".zone")).to_contain_text(
        "Your device is set to America/New_York: 09:00 is 03:00 there."
    )
    expect(home.locator("[data-own-zone]")).to_be_hidden()


@pytest.fixture
def right_to_left(visit: Visit) -> Page:
    page = visit()
    page.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl' })"
    )
    return page


def test_the_layout_turns_with_the_direction_of_writing(site: Site, right_to_left: Page) -> None:
    doctor = site.doctor_on_duty()
    page = right_to_left

    open_times(page, site.url, doctor)

    slip, day = page.locator(".slip").bounding_box(), page.locator(".day").bounding_box()
    assert slip is not None
    assert day is not None
    assert slip["x"] > day["x"]
    page.locator('[data-grid] [tabindex="0"]').focus()
    before = page.evaluate("document.activeElement.dataset.day")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.day") < before
    assert page.evaluate(CUT_OFF) == []


def test_a_booking_prints_without_its_buttons(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)
    page.get_by_role("button", name="Confirm the appointment").click()

    page.emulate_media(media="print")

    expect(page.locator(".reference")).to_be_visible()
    expect(page.locator(".slip")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel it")).to_be_hidden()
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
