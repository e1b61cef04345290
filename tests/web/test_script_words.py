"""The scripts speak the page's language: what they say is in the page that loads them."""

import json
import re
from html import unescape

from flask.testing import FlaskClient

from app.web.pages.assets import FOLDER
from tests.web.pages.test_language import GERMAN

SAID = re.compile(r"(?:announce|textContent\s*=|this\.say|#say)\s*\(?\s*[\"'`][A-Z]")


def test_a_german_page_brings_the_words_of_its_scripts(client: FlaskClient) -> None:
    page = client.get("/find", headers=GERMAN).text

    words = json.loads(unescape(re.search(r'<meta name="words" content="([^"]+)">', page)[1]))

    assert words["Saved."] == "Gespeichert."
    assert words["%(free)s of %(total)s seats free"] == "%(free)s von %(total)s Plätzen frei"


def test_an_english_page_carries_none(client: FlaskClient) -> None:
    assert 'name="words"' not in client.get("/find").text


def test_no_script_says_anything_past_the_catalogue() -> None:
    for script in (FOLDER / "js").glob("*.js"):
        assert not SAID.search(script.read_text()), script.name
        assert "${_(" not in script.read_text(), (
            f"{script.name}: texts inside of template strings are not found"
        )
