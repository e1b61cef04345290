"""What must hold on every screen, and a photograph of it when one is asked for."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WIDE, NARROW, NARROWEST = 1280, 390, 320
HEIGHT = 800
#: Scrolls inside a box of its own at most; the page itself never does.
WIDTHS = (NARROWEST, 375, 768, WIDE)
#: The details of what passed are the larger part of the work.
ONLY_VIOLATIONS = {"resultTypes": ["violations"]}
#: What the same page can have wrong in other colours; the rest was looked at in the first.
ONLY_COLOURS = {
    **ONLY_VIOLATIONS,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
#: WCAG 2.5.5: what one presses alone, not a link inside a sentence.
TARGETS = (
    "button, .button, .time, .date, .chip, .turn, .take, .top a, .tabs a, .account-tabs a, .choice, .theme, "
    "summary, .back, .input"
)
SMALLEST_TARGET = 44
TOO_SMALL = """([targets, smallest]) => [...document.querySelectorAll(targets)]
  .filter((element) => !element.matches(".unseen, .button--slim, .input--slim"))
  .filter((element) => element.getClientRects().length)
  .filter((element) => element.getBoundingClientRect().height < smallest - 0.5)
  .map((element) => element.outerHTML.slice(0, 120))"""
CUT_OFF = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
  ? [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 120))
  : []"""
#: A folder for pictures of every screen, wide and narrow, light and dark: `make pictures` sets it.
PICTURES = os.environ.get("PICTURES")


def flaws(page: Page, screen: str) -> list[str]:
    """What axe, a ruler and a narrow window find on this screen; the page is wide and light afterwards."""
    found: list[str] = []
    for scheme, width, options in (("light", WIDE, ONLY_VIOLATIONS), ("dark", NARROW, ONLY_COLOURS)):
        _show(page, scheme, width)
        found += [
            f"{screen}, {scheme}, {width}: {each['id']} {node['html'][:160]} {_why(node)}"
            for each in _violations(page, options)
            for node in each["nodes"][:3]
        ]
    for width in WIDTHS:
        _show(page, "light", width)
        found += [f"{screen} at {width} is cut off: {html}" for html in page.evaluate(CUT_OFF)[:3]]
        if width == NARROWEST:
            small = page.evaluate(TOO_SMALL, [TARGETS, SMALLEST_TARGET])
            found += [f"{screen}: too small to hit: {html}" for html in small]
    if PICTURES:
        photograph(page, screen, Path(PICTURES))
    return found


def photograph(page: Page, screen: str, folder: Path) -> None:
    """Four pictures, named after the screen."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", screen.lower()).strip("-")
    for scheme in ("light", "dark"):
        for size, width in (("wide", WIDE), ("narrow", NARROW)):
            _show(page, scheme, width)
            page.screenshot(path=folder / f"{name}.{size}.{scheme}.png", full_page=True)
    _show(page, "light", WIDE)


def _violations(page: Page, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The script is half a megabyte: a page that has it already is not given it again."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate("options => axe.run(document, options)", options)["violations"]


def _show(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": HEIGHT})


def _why(node: dict[str, list[dict[str, str]]]) -> str:
    return next((each["message"] for each in node["any"]), "")[:120]
