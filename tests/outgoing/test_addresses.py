import ipaddress

import pytest

from app.outgoing.addresses import is_allowed, is_public, parse_allowed

REFUSED = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "192.0.2.1",
    "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::",
    "100::1", "3fff::1",
)  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_plainly_public_is_not(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_what_is_public_is(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("text", "address", "port", "is_in"),
    [
        ("10.0.0.0/24", "10.0.0.7", 443, True),
        ("10.0.0.0/24", "10.0.1.7", 443, False),
        ("10.0.0.5:9000", "10.0.0.5", 9000, True),
        ("10.0.0.5:9000", "10.0.0.5", 9001, False),
        ("[fd00::1]:9000", "fd00::1", 9000, True),
        ("[fd00::1]:9000", "fd00::1", 443, False),
        ("fd00::/8", "fd12::1", 1, True),
        ("192.168.0.1, 10.0.0.0/8", "10.9.9.9", 80, True),
        ("", "127.0.0.1", 80, False),
    ],
)
def test_what_the_operator_names_is_allowed_and_no_more(text, address, port, is_in):
    assert is_allowed(ipaddress.ip_address(address), port, parse_allowed(text)) is is_in


@pytest.mark.parametrize("text", ["localhost", "10.0.0.1/8", "10.0.0.1:http", "[fd00::1"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the reasons differ
        parse_allowed(text)
