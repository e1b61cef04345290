"""A mail with its envelope, ready for a mail server.

The library writes it under its older policy, which encodes and folds a header as it stands; the newer one
parses each header first, which took most of the time of a mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.contentmanager import raw_data_manager
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, compat32
from email.utils import formataddr, parseaddr

from app.notices.errors import Undeliverable
from app.notices.typed_text import name_to_greet, one_line

#: How parts are added to a message; the older policy knows none.
CONTENT = raw_data_manager
PLAIN = compat32.clone(linesep="\r\n", cte_type="7bit")
#: Addresses beyond ASCII come with headers in UTF-8 (RFC 6532).
INTERNATIONAL = SMTP.clone(utf8=True)


@dataclass(frozen=True)
class Letter:
    """What the mail server is told of it, and what it is given."""

    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def is_international(self) -> bool:
        """An address of it needs SMTPUTF8 (RFC 6531)."""
        return not (self.sender + self.recipient).isascii()


def write(
    sender: str, to: tuple[str | None, str | None], headers: Mapping[str, str], text: str, html: str
) -> EmailMessage:
    """To somebody with this name and address; more can be added by CONTENT.

    Raises Undeliverable for what is no address."""
    people = {"From": parseaddr(sender), "To": _addressee(*to)}
    is_plain = all(address.isascii() for _name, address in people.values())
    message = EmailMessage(policy=PLAIN if is_plain else INTERNATIONAL)
    shown = {title: (_encoded if is_plain else _in_utf8)(*who) for title, who in people.items()}
    for title, value in {**shown, **headers}.items():
        message[title] = one_line(value)
    message.set_content(text, content_manager=CONTENT)
    message.add_alternative(html, subtype="html", content_manager=CONTENT)
    return message


def sealed(message: EmailMessage) -> Letter:
    """Ready to go to whom it is addressed."""
    sender, recipient = (parseaddr(message[name])[1] for name in ("From", "To"))
    return Letter(sender, recipient, message.as_bytes())


def _addressee(name: str | None, address: str | None) -> tuple[str, str]:
    greeted, typed = name_to_greet(name) or "", one_line(address or "")
    try:
        # A letter beyond ASCII may stand where any letter may (RFC 6532), but not for this parser.
        whole = Address(greeted, addr_spec=typed.encode("ascii", "replace").decode())
    except (ValueError, IndexError, MessageError) as error:
        raise Undeliverable("the address cannot stand in a mail") from error
    return greeted, whole.addr_spec if typed.isascii() else typed


def _encoded(name: str, address: str) -> str:
    if name.isascii():
        return formataddr((name, address))
    # In words of at most 75 characters (RFC 2047), which formataddr does not heed.
    return f"{Header(name, 'utf-8').encode()} <{address}>"


def _in_utf8(name: str, address: str) -> str:
    return str(Address(name, *address.rpartition("@")[::2]))
