"""Rows 25 to 35, 38 and 39: the queue, the wire, the servers behind, what starts and what is installed."""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import statistics
import subprocess
import sys
import time
from urllib.parse import urlsplit

from tests.attack.field import PASSWORD, Field, NotTried, expect
from tests.attack.table import by_tests, live

SMUGGLED = {
    "TE and CL": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    "two CL": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    "xchunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "folded": b"X-A: a\r\n b: c\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
}
CONNECTIONS = 500
GIGABYTE = 1 << 30
BOOKINGS_MEANWHILE = 20

by_tests(25, "a malicious pickle, or a job of another name, in the queue", "tests/worker/test_rq_worker.py")
by_tests(31, "forced errors, the database down", "tests/web/test_failures.py")
by_tests(32, "line ends in logs; secrets and tokens in logs", "tests/test_logs.py")
by_tests(
    33, "delete, update, cut or edit the audit", "tests/audit/test_chain.py", "tests/audit/test_node_role.py"
)


@live(27, "request smuggling: TE and CL, two CL, xchunked, folded")
def smuggling(field: Field) -> str:
    told = {}
    for name, rest in SMUGGLED.items():
        answer = _raw(field, b"POST /api/bookings HTTP/1.1\r\nHost: x\r\n" + rest)
        told[name] = answer[:12].decode(errors="replace")
        seconds = answer.count(b"HTTP/1.1 ")
        expect(seconds <= 1, f"{name}: two answers to one request")
    expect(all(" 4" in line or " 5" in line for line in told.values()), f"{told}")
    return f"{told}"


INWARD = (
    "https://127.0.0.1/", "https://localhost/", "https://127.1/", "https://2130706433/", "https://0x7f.1/",
    "https://0177.0.0.1/", "https://0/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::]/",
    "https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/", "https://100.100.100.200/",
    "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.0.1/", "https://224.0.0.1/", "https://[ff02::1]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://8.8.8.8:6379/", "https://8.8.8.8:25/",
    "https://a@8.8.8.8/", "https://8.8.8.8\\@127.0.0.1/", "https://8.8.8.8#@127.0.0.1/", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO", "http://127.0.0.1:5001/health", "https://127.0.0.1\r\nX-A: b/",
)  # fmt: skip


@live(
    26,
    "SSRF through a webhook's URL: this machine, private networks, metadata, odd spellings, redirects, rebinding",
    "tests/outgoing/test_caller.py",
    "tests/outgoing/test_addresses.py",
)
def calling_inward(field: Field) -> str:
    admin = field.as_role("admin")
    told = {url: field.ask("POST", "/api/webhooks", {"url": url}, admin) for url in INWARD}
    through = [url for url, answer in told.items() if answer.status != 422]
    expect(not through, f"accepted: {through}")
    silent = [url for url, answer in told.items() if '"url"' not in answer.text]
    expect(not silent, f"refused without a reason: {silent}")
    return f"{len(INWARD)} addresses refused, each with its reason"


@live(28, "slow and oversized requests, deep JSON, while others book")
def floods(field: Field) -> str:
    slots = field.new_slots(BOOKINGS_MEANWHILE)
    slow = [_open(field, "127.0.0.31") for _ in range(CONNECTIONS)]
    for each in slow:
        with contextlib.suppress(OSError):  # those beyond the limit are closed already
            each.sendall(b"POST /api/bookings HTTP/1.1\r\nHost: x\r\nX-A: ")
    waits = []
    for slot in slots:
        for send in (
            lambda: field.ask("GET", "/api/doctors?limit=5").status == 200,
            lambda slot=slot: field.book(slot, field.as_role("admin")).status == 201,
        ):
            began = time.perf_counter()
            expect(send(), "others are not served")
            waits.append(time.perf_counter() - began)
    for each in slow:
        each.close()
    p95 = statistics.quantiles(waits, n=20)[-1]
    expect(p95 < 1.0, f"p95 for others is {p95:.2f} s")
    deep = b"[" * 10_000 + b"]" * 10_000
    json_type = {"Content-Type": "application/json"}
    told = {
        "64 KiB and more": field.ask("POST", "/api/bookings", raw=b"x" * 70_000).status,
        "depth 10,000": field.ask("POST", "/api/bookings", raw=deep, headers=json_type).status,
        "a header of 40 KB": field.ask("GET", "/", headers={"X-Big": "x" * 40_000}).status,
        "gzip": field.ask("POST", "/api/bookings", raw=b"\x1f\x8b" + b"0" * 50,
                          headers={**json_type, "Content-Encoding": "gzip"}).status,
        "a bomb of gzip": field.ask("POST", "/api/bookings", raw=gzip.compress(b"[" * 20_000_000),
                                    headers={**json_type, "Content-Encoding": "gzip"}).status,
        "1 GB announced": _status_of(_flood(field, f"Content-Length: {GIGABYTE}", b"x" * 65_536, 64)),
        "1 GB in chunks": _status_of(_flood(field, "Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65_536 + b"\r\n", 64)),
        "100,000 headers": _status_of(_flood(field, "X-First: 1", b"".join(b"X-%d: 1\r\n" % n for n in range(2500)), 40, is_head=True)),
    }  # fmt: skip
    expect(set(told.values()) <= {400, 413, 415, 422, 431}, f"{told}")
    return f"{CONNECTIONS} slow connections: p95 of others {p95 * 1000:.0f} ms; {told}"


@live(29, "Schemathesis on the whole API, as nobody and as each role")
def fuzz(field: Field) -> str:
    if not field.fuzz_cases:
        raise NotTried("left out by --fuzz-cases 0; make fuzz does it")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--cases", str(field.fuzz_cases)],
        capture_output=True,
        text=True,
        check=False,
    )
    expect(done.returncode == 0, done.stdout[-1500:])
    return done.stdout.strip().splitlines()[-1]


@live(34, "reach Redis and PostgreSQL from elsewhere, without or with default passwords")
def servers_behind(field: Field) -> str:
    import psycopg
    import redis

    told = []
    for url in (field.target.redis_url, field.target.database_url):
        parts = urlsplit(url or "")
        expect(parts.hostname in {"127.0.0.1", "localhost"}, f"listens at {parts.hostname}")
        expect(bool(parts.password) and len(parts.password or "") >= 16, "no password, or a short one")
        expect(_listens_on_loopback_only(parts.port or 0), f"port {parts.port} is open to other machines")
    place = urlsplit(field.target.redis_url or "")
    for password in (None, "redis", "password"):
        try:
            redis.Redis(port=place.port or 0, password=password, socket_timeout=2).ping()
            expect(False, f"Redis takes {password!r}")
        except redis.RedisError as error:
            told.append(type(error).__name__)
    database = urlsplit(field.target.database_url or "")
    for user in ("postgres", "oneslot"):
        try:
            psycopg.connect(
                host="127.0.0.1", port=database.port, user=user, password="postgres", connect_timeout=3
            )
            expect(False, f"PostgreSQL takes postgres as the password of {user}")
        except psycopg.OperationalError:
            told.append("refused")
    return f"loopback only; {told}"


@live(35, "start in production with a weak secret, a default one, a link over http")
def unsafe_start(field: Field) -> str:
    good = {
        "APP_ENV": "production",
        "BASE_URL": "https://example.org",
        "SECRET_KEY": "x" * 40,
        "DATA_KEY": "d" * 40,
    }
    told = {}
    for name, wrong in {
        "short": {"SECRET_KEY": "short"}, "none": {"SECRET_KEY": ""}, "http": {"BASE_URL": "http://example.org"},
        "a wrong clock": {"CLOCK_SKEW_MS": "5"}, "a short retired one": {"SECRET_KEY_EARLIER": "short"},
        "no key for contacts": {"DATA_KEY": ""}, "one key for both": {"DATA_KEY": "x" * 40},
    }.items():  # fmt: skip
        done = _start({**good, **wrong})
        told[name] = done.returncode
        expect(done.returncode != 0, f"{name}: it started")
        expect("Traceback" not in done.stderr, f"{name}: a traceback instead of a reason")
    return f"exit codes {told}"


@live(38, "being forgotten, and what is left then", "tests/web/api/test_own_data.py")
def forgotten(field: Field) -> str:
    headers, user = field.new_patient("Erasable")
    expect(field.book(field.new_slots(1)[0], headers).status == 201, "could not book")
    export = field.ask("GET", "/api/auth/me/export", headers=headers)
    expect(len(export.data["bookings"]) == 1, "the export misses the booking")
    erased = field.ask("POST", "/api/auth/me/erase", {"password": PASSWORD}, headers)
    expect(erased.status == 200, f"erasing: {erased.status} {erased.text[:200]}")
    people = field.ask("GET", f"/api/users?q={user['email']}", headers=field.as_role("admin"))
    expect(people.data == [], "still among the accounts")
    expect(_rows_with(field, user["email"]) == [], f"still in {_rows_with(field, user['email'])}")
    return "export complete; afterwards in no table of the database"


@live(39, "known vulnerabilities of what is pinned")
def dependencies(field: Field) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.dependencies"], capture_output=True, text=True, check=False, timeout=300
    )
    expect(done.returncode == 0, done.stdout[-400:])
    return done.stdout.strip().splitlines()[-1]


def _rows_with(field: Field, text: str) -> list[str]:
    import psycopg

    url = (field.target.database_url or "").replace("postgresql+psycopg:", "postgresql:")
    found = []
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            query = f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s'
            if connection.execute(query, [f"%{text}%"]).fetchone()[0]:
                found.append(table)
    return found


def _start(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "PYTHONPATH"}
    }
    return subprocess.run(
        [sys.executable, "-m", "app.migrate"], env={**kept, **settings, "DATABASE_URL": "sqlite:////dev/null/x"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def _listens_on_loopback_only(port: int) -> bool:
    """As the kernel lists it: 0100007F is 127.0.0.1, and 0A is LISTEN."""
    lines = open("/proc/net/tcp").read().splitlines()[1:]  # noqa: SIM115
    local = [line.split()[1] for line in lines if line.split()[3] == "0A"]
    mine = [address for address in local if address.endswith(f":{port:04X}")]
    return bool(mine) and all(address.startswith("0100007F") for address in mine)


def _flood(field: Field, header: str, piece: bytes, pieces: int, *, is_head: bool = False) -> bytes:
    """Send it piece by piece until the other side has had enough; what it said."""
    head = f"POST /api/bookings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{header}".encode()
    with _open(field, "127.0.0.1") as connection:
        connection.settimeout(8)
        with contextlib.suppress(OSError):
            connection.sendall(head + (b"\r\n" if is_head else b"\r\n\r\n"))
            for _ in range(pieces):
                connection.sendall(piece)
            if is_head:
                connection.sendall(b"\r\n")
        with contextlib.suppress(OSError):
            return connection.recv(4096)
    return b""


def _status_of(answer: bytes) -> int:
    """431 for a connection that was reset before its answer could be read: it was cut off."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 431


def _open(field: Field, source: str) -> socket.socket:
    url = urlsplit(field.target.base_url)
    return socket.create_connection((url.hostname or "", url.port or 80), 5, (source, 0))


def _raw(field: Field, content: bytes) -> bytes:
    with _open(field, "127.0.0.1") as connection:
        connection.settimeout(8)
        connection.sendall(content)
        answer = b""
        try:
            while part := connection.recv(65_536):
                answer += part
                if len(answer) > 4096:
                    break
        except TimeoutError:
            pass
        return answer
