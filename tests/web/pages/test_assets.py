"""The design's files."""

import re

from flask.testing import FlaskClient

from app.web.pages.assets import FOLDER

#: The name of a drawing's language inside a sheet; nobody fetches it.
DRAWING = "xmlns='http://www.w3.org/2000/svg'"


def test_every_file_a_page_names_is_there_and_may_be_kept(client: FlaskClient) -> None:
    page = client.get("/find").text
    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)

    assert len(named) >= 6
    for url in named:
        answer = client.get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_another_release_gets_our_file_but_keeps_it_not(client: FlaskClient) -> None:
    answer = client.get("/assets/of-another-release/css/base.css")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_nothing_outside_the_folder_is_served(client: FlaskClient) -> None:
    assert client.get("/assets/x/../pages/assets.py").status_code == 404
    assert client.get("/assets/x/%2e%2e/pages/assets.py").status_code == 404


def test_pages_hold_no_inline_script_or_style(client: FlaskClient) -> None:
    for template in (FOLDER.parent / "templates").rglob("*.html"):
        source = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", source), template


def test_nothing_comes_from_another_host() -> None:
    for file in [*FOLDER.rglob("*.css"), *FOLDER.rglob("*.js")]:
        text = file.read_text().replace(DRAWING, "")
        assert not re.search(r"https?:|url\(\s*['\"]?//|@import", text), file
