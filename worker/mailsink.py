"""The mail server of the quick start and the tests: keeps every message as a file and sends nothing on.

A message is kept once, whatever number of times it is delivered: its file is named after its Message-ID. Each
delivery adds a line to deliveries.jsonl, so that tests can see repeats too.
"""

import argparse
import asyncio
import hashlib
import json
import os
import signal
import sys
from email.parser import BytesHeaderParser
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

_LIMIT_BYTES = 10_000_000


def message_id_of(content: bytes) -> str:
    """Of the headers alone: to parse the whole mail takes longer than to receive it."""
    headers = BytesHeaderParser().parsebytes(content.partition(b"\r\n\r\n")[0])
    return str(headers["Message-ID"] or "").strip()


class MailFolder:
    """Keeps what arrives; the answers are the SMTP server's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message_id = message_id_of(content)
        digest = hashlib.sha256(message_id.encode() or content).hexdigest()[:32]
        is_new = self._keep(digest, content)
        self._note(digest, message_id, envelope, is_new)
        return "250 kept" if is_new else "250 kept already"

    def _keep(self, digest: str, content: bytes) -> bool:
        """True when it was not here yet. The link appears whole or not at all."""
        fresh = self._folder / f".{digest}.{os.getpid()}"
        fresh.write_bytes(content)
        try:
            os.link(fresh, self._folder / f"{digest}.eml")
        except FileExistsError:
            return False
        finally:
            fresh.unlink()
        return True

    def _note(self, digest: str, message_id: str, envelope: Envelope, is_new: bool) -> None:
        line = {
            "file": f"{digest}.eml",
            "message_id": message_id,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "is_new": is_new,
        }
        with (self._folder / "deliveries.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


async def serve(host: str, port: int, folder: Path) -> None:
    """Accept mail until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    keeper = MailFolder(folder)
    server = await loop.create_server(
        lambda: SMTP(keeper, data_size_limit=_LIMIT_BYTES, enable_SMTPUTF8=True, ident="Oneslot mail sink"),
        host,
        port,
    )
    async with server:
        await stopping.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m worker.mailsink", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--folder", type=Path, default=Path("var/mail"))
    options = parser.parse_args()
    try:
        asyncio.run(serve(options.host, options.port, options.folder))
    except OSError as problem:
        print(f"mail sink: {problem.strerror or problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
