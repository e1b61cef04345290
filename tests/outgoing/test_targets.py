import pytest

from app.outgoing.targets import ForbiddenTarget, Target, parse_target


def test_a_url_is_taken_apart():
    target = parse_target("https://hooks.example.org:8443/a/b?c=d", may_be_plain=False)

    assert target == Target("https", "hooks.example.org", 8443, "/a/b?c=d")
    assert target.host_header == "hooks.example.org:8443"


def test_without_a_port_and_path_the_usual_ones_are_meant():
    target = parse_target("https://[2606:4700::1111]", may_be_plain=False)

    assert (target.port, target.resource, target.host_header) == (443, "/", "[2606:4700::1111]")


def test_plain_http_is_for_those_who_allow_it():
    assert parse_target("http://a.example/", may_be_plain=True).port == 80
    with pytest.raises(ForbiddenTarget, match="https://"):
        parse_target("http://a.example/", may_be_plain=False)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://a/", "ftp://a/", "//a/b", "a.example", "", "https://", "https:///x",
        "https://user@a.example/", "https://user:word@a.example/", "https://a.example\\@127.0.0.1/",
        "https://a.example/\r\nX: y", "https://a.example/ x", "https://a.example/#f", "https://a.example:0/",
        "https://a.example:99999/", "https://a.example:x/", "https://ä.example/", "https://[::1", "https://a_b/",
        "https://a.example/" + "x" * 500,
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(url):
    with pytest.raises(ForbiddenTarget):
        parse_target(url, may_be_plain=True)
