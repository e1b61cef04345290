"""Pages can be read from right to left: sheets name sides by the way of writing, not left and right."""

import re

import pytest

from app.web.pages.assets import FOLDER

PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)"
    r"|(?:border-(?:top|bottom)-(?:left|right)-radius)"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)"
    r"|(?:left|right)\s*:)"
)


@pytest.mark.parametrize("sheet", sorted(FOLDER.rglob("*.css")), ids=lambda sheet: sheet.stem)
def test_no_sheet_knows_left_and_right(sheet) -> None:
    found = [line for line in sheet.read_text().splitlines() if PHYSICAL.search(line)]

    assert found == []


@pytest.mark.parametrize("rule", ["margin-left: 1px", "a { left: 0 }", "text-align: right", "float:left"])
def test_a_physical_side_is_noticed(rule: str) -> None:
    assert PHYSICAL.search(rule)


@pytest.mark.parametrize("script", ["date_grid", "desk_keys", "seat_grid"])
def test_arrow_keys_go_the_readers_way(script: str) -> None:
    """Where writing runs from right to left, the left arrow goes on."""
    assert "rtl" in (FOLDER / "js" / f"{script}.js").read_text()
