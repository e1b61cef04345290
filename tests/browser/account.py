"""Somebody with an account, in the words of its screens."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass, field
from email.message import EmailMessage

from playwright.sync_api import Page, expect

from app.accounts.actions import NewAccount, add_account
from app.accounts.passwords import Passwords
from app.accounts.principals import Role
from app.accounts.totp import STEP_SECONDS, code_at
from tests.browser.site import Site

PASSWORD = "correct horse battery"
LINK = re.compile(r"https?://\S+/reset/\S+")


@dataclass
class Person:
    email: str
    name: str = "Mara Lindqvist"
    recovery_codes: list[str] = field(default_factory=list)

    @classmethod
    def new(cls) -> Person:
        return cls(f"{uuid.uuid4().hex[:12]}@example.org")

    def register(self, page: Page) -> None:
        """From the page that asks for it."""
        page.get_by_label("Full name").fill(self.name)
        page.get_by_label("E-mail").fill(self.email)
        page.get_by_label("Password").fill(PASSWORD)
        press(page, "Open the account")
        expect(page.get_by_text("Logged in as")).to_be_attached()

    def keep_recovery_codes(self, page: Page) -> None:
        self.recovery_codes = page.locator(".recovery li").all_text_contents()

    def link_in(self, mail: EmailMessage) -> str:
        """The address in a mail about a forgotten password."""
        body = mail.get_body(("plain",))
        found = LINK.search(body.get_content() if body else "")
        assert found, f"no link in {mail['Subject']}"
        return found.group()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def setup_code(page: Page) -> str:
    """What an authenticator app would show for the key on the page."""
    secret = page.locator(".setup__key").inner_text().replace(" ", "")
    return code_at(secret, int(time.time() // STEP_SECONDS))


def log_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Log in")


def open_account(site: Site, role: Role, name: str) -> str:
    """A fresh account of that role, with every doctor to look after; its address."""
    email = f"{role}-{uuid.uuid4().hex[:8]}@example.org"
    hashed = Passwords(cheap=True).hash(PASSWORD)
    account = NewAccount(email, name, hashed, role, all_doctors=role is Role.STAFF)
    site.database.run(lambda tx: add_account(tx, account))
    return email


def log_in_as(page: Page, site: Site, role: Role, name: str) -> None:
    email = open_account(site, role, name)
    page.goto(f"{site.url}/login")
    log_in(page, email)
    expect(page.get_by_text("Logged in as")).to_be_attached()
