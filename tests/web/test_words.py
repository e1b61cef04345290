"""Every word of a page goes through gettext: none stands in a template as it is."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

TEMPLATES = Path(__file__).parents[2] / "app" / "web" / "templates"
#: Names, signs and keys are the same in every language.
SAME_EVERYWHERE = {
    "Oneslot", "· Oneslot", "CSV", "A", "B", "Enter", "Escape", "a i d", "m", "x", "b", "w", "t", "/",
    "webhook-id",
    "GET /api/replicas", "Europe/Berlin", "Bully", "Ring", "p50", "p95", "p99", "ms", "CPU",
}  # fmt: skip
SPOKEN_ATTRIBUTES = {"aria-label", "alt", "title", "placeholder", "abbr", "aria-roledescription"}
#: What these are given is no text for people, or is translated already.
QUIET_CALLS = {"_", "ngettext", "url_for", "asset", "icon"}
#: Attributes that a template puts together.
MARKUP = re.compile(r'[<>="]')
SENTENCE = re.compile(r"[A-Z][a-z]|[a-z] [a-z]")
ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


class Reader(HTMLParser):
    """Collects what a reader sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.quiet += tag in {"style", "script"}
        self.found += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self.quiet -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.found.append(data)


def plain_words(source: str) -> Iterator[str]:
    """Texts of the markup, and of the expressions in it, that nobody translates."""
    tree = ENVIRONMENT.parse(source)
    reader = Reader()
    reader.feed("".join(_markup(tree)))
    reader.close()
    for text in reader.found:
        yield from (
            part.strip()
            for part in text.split("\0")
            if re.search(r"[^\W\d_]", part) and not MARKUP.search(part)
        )
    yield from (text for text in _constants(tree) if SENTENCE.search(text) and not MARKUP.search(text))


def _markup(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Output):
        yield from (part.data if isinstance(part, nodes.TemplateData) else "\0" for part in node.nodes)
    else:
        for child in node.iter_child_nodes():
            yield from _markup(child)


def _constants(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in QUIET_CALLS:
        for keyword in node.kwargs:
            yield from _constants(keyword.value)
        return
    if isinstance(node, nodes.Compare | nodes.Getitem | nodes.Import | nodes.FromImport | nodes.Extends):
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _constants(child)


@pytest.mark.parametrize("file", sorted(TEMPLATES.rglob("*.html")), ids=lambda file: file.stem)
def test_every_word_of_a_template_is_translated(file: Path) -> None:
    found = [words for words in plain_words(file.read_text()) if words not in SAME_EVERYWHERE]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        "<p>{{ _('One') }} and more</p>",
        '<a aria-label="More">{{ name }}</a>',
        "{{ 'No name' if not name else name }}",
        "{{ field('name', 'Full name') }}",
        "{% set steps = ['Choose a doctor'] %}",
        "{{ _('%(what)s', what='Full name') }}",
    ],
)
def test_a_word_that_nobody_translates_is_found(source: str) -> None:
    assert list(plain_words(source)) != []


@pytest.mark.parametrize("file", sorted(TEMPLATES.rglob("*.html")), ids=lambda file: file.stem)
def test_only_texts_of_ours_are_taken_for_markup(file: Path) -> None:
    """What _() is given stands in the page as it is: never what somebody typed."""
    calls = ENVIRONMENT.parse(file.read_text()).find_all(nodes.Call)
    given = [
        call.args[0]
        for call in calls
        if isinstance(call.node, nodes.Name) and call.node.name in {"_", "ngettext"}
    ]

    assert [
        each
        for each in given
        if not isinstance(each, nodes.Const)
        and not (isinstance(each, nodes.Getattr) and each.node == nodes.Name("speech", "load"))
    ] == []
