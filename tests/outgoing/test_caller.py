"""Calls to a receiver that behaves and to some that do not (attack row 26)."""

import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.outgoing.addresses import parse_allowed
from app.outgoing.caller import Caller, NotReached
from app.outgoing.targets import ForbiddenTarget
from tests.moments import no_longer_than
from tests.receiver import receiving

HOME = parse_allowed("127.0.0.1")


def caller(**settings):
    return Caller(**{"allowed": HOME, "may_be_plain": True, "deadline_seconds": 3.0, **settings})


def test_a_request_arrives_as_it_was_sent_and_the_status_comes_back():
    with receiving(202) as receiver:
        reply = caller().post(receiver.url, b'{"a":1}', {"webhook-id": "m1"})

    (request,) = receiver.requests
    assert reply.status == 202
    assert (request.path, request.body, request.headers["webhook-id"]) == ("/hook", b'{"a":1}', "m1")
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_redirect_to_this_machine_is_an_answer_and_is_not_followed():
    def to_home(handler):
        handler.send_response(307)
        handler.send_header("Location", f"http://127.0.0.1:{inner.port}/admin")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with receiving() as inner, receiving(to_home) as receiver:
        reply = caller().post(receiver.url, b"{}", {})

    assert (reply.status, reply.is_success) == (307, False)
    assert inner.requests == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00:ec2::254", "fe80::1%eth0"],
)
def test_a_name_that_leads_to_our_own_networks_is_not_called(address):
    resolving = caller(allowed=(), resolve=lambda host, port: [address])

    with pytest.raises(ForbiddenTarget, match="not public"):
        resolving.post("https://innocent.example/", b"{}", {})


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    resolving = caller(allowed=(), resolve=lambda host, port: ["93.184.216.34", "10.0.0.5"])

    with pytest.raises(ForbiddenTarget, match="not public"):
        resolving.check("https://innocent.example/")


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433", "0", "[::ffff:7f00:1]"])
def test_this_machine_is_recognised_under_its_odd_names(host):
    with receiving() as receiver, pytest.raises(ForbiddenTarget):
        caller(allowed=()).post(f"http://{host}:{receiver.port}/", b"{}", {})

    assert receiver.requests == []


def test_a_name_that_points_elsewhere_at_the_second_look_changes_nothing():
    """DNS rebinding: what was checked is what is called, and the name is asked once."""
    told = iter([["127.0.0.1"], ["10.0.0.5"]])
    with receiving() as receiver:
        reply = caller(resolve=lambda host, port: next(told)).post(
            f"http://rebind.example:{receiver.port}/x", b"{}", {}
        )

    assert reply.status == 200
    assert receiver.requests[0].headers["host"] == f"rebind.example:{receiver.port}"
    assert next(told) == ["10.0.0.5"]


def test_a_public_address_is_called_at_a_web_servers_port_only():
    resolving = caller(allowed=(), resolve=lambda host, port: ["93.184.216.34"])

    resolving.check("https://innocent.example:8443/")
    with pytest.raises(ForbiddenTarget, match="port 6379"):
        resolving.check("https://innocent.example:6379/")


def test_a_name_that_nobody_knows_is_said_to_be_unknown():
    def unknown(host, port):
        raise OSError

    with pytest.raises(NotReached, match="not known"):
        caller(resolve=unknown).post("https://nowhere.example/", b"{}", {})


def silent(handler):
    time.sleep(5)


def dripping(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-Drip: drop\r\n")
        handler.wfile.flush()
        time.sleep(0.05)


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


@pytest.mark.parametrize("behaviour", [silent, dripping])
def test_whoever_keeps_us_waiting_is_left_at_the_deadline(behaviour):
    with receiving(behaviour) as receiver, no_longer_than(1.5), pytest.raises(NotReached):
        caller(deadline_seconds=0.5).post(receiver.url, b"{}", {})


def test_a_name_server_that_hangs_holds_up_one_call_until_its_deadline():
    impatient = caller(deadline_seconds=0.3, resolve=lambda host, port: time.sleep(3))

    with no_longer_than(1), pytest.raises(NotReached):
        impatient.post("https://a.example/", b"", {})


def test_of_an_endless_answer_only_the_beginning_is_read():
    with receiving(endless) as receiver:
        reply = caller().post(receiver.url, b"{}", {})

    assert reply.status == 200


def test_what_is_no_http_and_nobody_there_are_told_apart_from_an_answer():
    with receiving(lambda handler: handler.wfile.write(b"+OK redis\r\n")) as receiver:
        with pytest.raises(NotReached, match="BadStatusLine"):
            caller().post(receiver.url, b"{}", {})
        port = receiver.port

    with pytest.raises(NotReached, match="ConnectionRefusedError"):
        caller().post(f"http://127.0.0.1:{port}/", b"{}", {})


@pytest.fixture(scope="module")
def vouched(tmp_path_factory):
    """A certificate for hooks.example.org: as a server has it, and as a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.org")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=file)


def test_by_tls_the_certificate_must_be_the_names_while_the_call_goes_to_the_checked_address(vouched):
    server, trusting = vouched
    at_home = {"resolve": lambda host, port: ["127.0.0.1"], "may_be_plain": False}
    with receiving(tls=server) as receiver:
        reply = caller(tls=trusting, **at_home).post(
            f"https://hooks.example.org:{receiver.port}/x", b"{}", {}
        )
        with pytest.raises(NotReached, match="certificate"):
            caller(tls=trusting, **at_home).post(f"https://other.example.org:{receiver.port}/x", b"{}", {})
        with pytest.raises(NotReached, match="certificate"):
            caller(**at_home).post(f"https://hooks.example.org:{receiver.port}/x", b"{}", {})

    assert reply.status == 200
    assert len(receiver.requests) == 1
