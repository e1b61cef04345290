"""What people do at the door: register, log in, show the second factor, log out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts import attempts, second_factor, sessions
from app.accounts.addresses import has_address
from app.accounts.attempts import Allowance
from app.accounts.passwords import Passwords
from app.accounts.principals import Principal, Role
from app.accounts.sessions import Opened
from app.audit.journal import Scribe, Witness
from app.database import Database, db_now
from app.errors import Conflict, SecondFactorRequired, Unauthenticated
from app.idempotency import Answer, RequestKey, once
from app.tables.accounts import User

Document = dict[str, Any]
#: Wrong passwords for one account, then for one address: many people may share that.
WINDOW_SECONDS = 15 * 60
MOST_PER_ACCOUNT, MOST_PER_ORIGIN = 10, 100
MOST_CODES = 6
NOT_RIGHT = "The e-mail address or the password is not right."
CODE_MISSING = "Send the six digits of your authenticator app, or a recovery code, as code."
CODE_WRONG = "The code is not right, was used already, or is too old."


@dataclass(frozen=True)
class Accounts:
    """Everything account actions stand on. Built once per process."""

    database: Database
    passwords: Passwords
    scribe: Scribe


@dataclass(frozen=True)
class Door:
    """Where somebody stands: keyed digests of address and account, to count with, and what they came with."""

    origin: str
    #: How many people one address may stand for.
    crowd: int = 1
    device: str | None = None
    is_browser: bool = False


@dataclass(frozen=True)
class NewAccount:
    """Someone who wants to log in; the e-mail address is in its normal form."""

    email: str
    name: str
    password_hash: str
    role: Role = Role.PATIENT
    all_doctors: bool = False
    limit_factor: int = 1


@dataclass(frozen=True)
class Credentials:
    email: str
    password: str
    #: A keyed digest of the e-mail address: tries are counted under it, whether there is an account or not.
    account_digest: str
    code: str | None = None


@dataclass(frozen=True)
class Login:
    """A session that was opened, and whose it is."""

    user: Document
    opened: Opened


def user_document(user_id: uuid.UUID, email: str, name: str, role: str) -> Document:
    return {"id": str(user_id), "email": email, "name": name, "role": role}


def principal_document(principal: Principal) -> Document:
    return user_document(principal.user_id, principal.email, principal.name, principal.role)


def register(accounts: Accounts, account: NewAccount, door: Door, request: RequestKey | None) -> Answer:
    """Add the account and log a program in; the value holds user and session_id, never a token.

    Raises Conflict when the address has an account, TooManyRequests."""
    attempts.charge(accounts.database, [Allowance(f"register:{door.origin}", 30 * door.crowd, 3600)])
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> Document:
        user_id = add_account(tx, account)
        if user_id is None:
            raise Conflict("An account with this e-mail address exists. Please log in.")
        opened = sessions.open_session(tx, user_id, device=door.device)
        pen.note(tx, _who(user_id, door), "account.registered")
        user = user_document(user_id, account.email, account.name, account.role)
        return {"user": user, "session_id": str(opened.id)}

    return once(accounts.database, request, work)


def open_browser_session(accounts: Accounts, user_id: uuid.UUID, door: Door) -> Opened:
    """For somebody who has just proved who they are."""
    return accounts.database.run(
        lambda tx: sessions.open_session(tx, user_id, is_browser=True, device=door.device)
    )


def add_account(tx: Connection, account: NewAccount) -> uuid.UUID | None:
    """Add the account; None when the address has one already."""
    # The index knows the marks of one key; while keys are changed there may be two of an address.
    if tx.execute(select(User.id).where(has_address(tx, account.email))).first():
        return None
    statement = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(User)
    return tx.execute(
        statement.values(
            id=uuid.uuid4(),
            email=account.email,
            name=account.name,
            password_hash=account.password_hash,
            role=account.role.value,
            all_doctors=account.all_doctors,
            limit_factor=account.limit_factor,
        )
        .on_conflict_do_nothing(index_elements=["email_mark"])
        .returning(User.id)
    ).scalar()


def log_in(accounts: Accounts, given: Credentials, door: Door) -> Login:
    """Open a session. A browser whose account has a second factor gets one that awaits the code.

    Raises Unauthenticated, in the same words and after the same time whatever was wrong; for programs
    SecondFactorRequired; TooManyRequests before the password is even looked at."""
    account, origin = f"login:{given.account_digest}", f"login-from:{door.origin}"
    most = MOST_PER_ORIGIN * door.crowd
    attempts.charge(
        accounts.database,
        [Allowance(account, MOST_PER_ACCOUNT, WINDOW_SECONDS), Allowance(origin, most, WINDOW_SECONDS)],
    )
    with accounts.database.read() as connection:
        user = connection.execute(
            select(
                User.id, User.email, User.name, User.role, User.password_hash, User.totp_since,
            ).where(has_address(connection, given.email), User.disabled_at.is_(None))
        ).first()  # fmt: skip
    if not accounts.passwords.matches(user and user.password_hash, given.password) or user is None:
        raise Unauthenticated(NOT_RIGHT)
    is_outdated = accounts.passwords.is_outdated(user.password_hash)
    renewed = accounts.passwords.hash(given.password) if is_outdated else None
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> Opened | None:
        if renewed is not None:
            tx.execute(update(User).where(User.id == user.id).values(password_hash=renewed))
        needs_code = user.totp_since is not None
        is_strong = bool(given.code) and second_factor.check(tx, user.id, given.code or "")
        if needs_code and given.code and not is_strong:
            return None
        if needs_code and not is_strong and not door.is_browser:
            raise SecondFactorRequired(CODE_MISSING)
        attempts.forgive(tx, wholly=account, once=origin)
        opened = sessions.open_session(
            tx, user.id, is_browser=door.is_browser, device=door.device,
            awaits_code=needs_code and not is_strong, is_strong=is_strong,
        )  # fmt: skip
        if not opened.awaits_code:
            pen.note(tx, _who(user.id, door), "account.login", strong=is_strong)
        return opened

    opened = accounts.database.run(work)
    if opened is None:
        raise SecondFactorRequired(CODE_WRONG)
    return Login(user_document(user.id, user.email, user.name, user.role), opened)


def show_code(accounts: Accounts, token: str, code: str, door: Door) -> Login:
    """The second factor of a browser: its session ends and a new one begins, under a new token.

    Raises Unauthenticated when the password is too long ago, SecondFactorRequired, TooManyRequests."""
    with accounts.database.read() as connection:
        user = sessions.user_awaiting_code(connection, token)
    if user is None:
        raise Unauthenticated("That took too long. Please log in again.")
    name = f"code:{user.id}"
    attempts.charge(accounts.database, [Allowance(name, MOST_CODES, WINDOW_SECONDS)])
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> Opened | None:
        if not second_factor.check(tx, user.id, code):
            return None
        sessions.end_token(tx, token)
        attempts.forgive(tx, wholly=name, once=name)
        pen.note(tx, _who(user.id, door), "account.login", strong=True)
        return sessions.open_session(tx, user.id, is_browser=True, device=door.device, is_strong=True)

    opened = accounts.database.run(work)
    if opened is None:
        raise SecondFactorRequired(CODE_WRONG)
    return Login(user_document(user.id, user.email, user.name, user.role), opened)


def log_out(accounts: Accounts, principal: Principal, *, everywhere: bool = False) -> None:
    """End the session, or all of the user's, on every node; its tokens are refused from now on."""
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> None:
        if everywhere:
            sessions.end_all(tx, principal.user_id)
        else:
            sessions.end_session(tx, principal.session_id, principal.user_id)
        pen.note(tx, Witness(f"user:{principal.user_id}"), "account.logout", everywhere=everywhere)

    accounts.database.run(work)


def make_admin(database: Database, account: NewAccount) -> bool:
    """Give the account the role admin and this password, adding it if needed; whether it is new.

    Sessions opened with the old password end."""

    def work(tx: Connection) -> bool:
        if add_account(tx, account) is not None:
            return True
        user_id = tx.execute(
            update(User)
            .where(has_address(tx, account.email))
            .values(
                role=account.role.value, password_hash=account.password_hash, disabled_at=None,
                all_doctors=account.all_doctors, password_changed_at=db_now(),
            )
            .returning(User.id)
        ).scalar_one()  # fmt: skip
        sessions.end_all(tx, user_id)
        return False

    return database.run(work)


def _who(user_id: uuid.UUID, door: Door) -> Witness:
    return Witness(f"user:{user_id}", door.origin)
