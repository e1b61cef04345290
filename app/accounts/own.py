"""What somebody who is logged in does with their own account, and how one who forgot gets back in."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, insert, select, update

from app import proofs
from app.accounts import attempts, second_factor, sessions
from app.accounts.actions import Accounts, Door
from app.accounts.addresses import has_address
from app.accounts.attempts import Allowance
from app.accounts.principals import Principal
from app.audit.journal import Witness
from app.database import db_now
from app.errors import NotFound, ValidationFailed
from app.tables.accounts import AccountMail, User

RESET, CHANGED = "reset", "changed"
RESET_SECONDS = 30 * 60
RESET_PURPOSE = "password-reset"
WRONG_PASSWORD = "is not your password"  # noqa: S105 - words, not a password
WINDOW_SECONDS = 15 * 60


def rename(accounts: Accounts, caller: Principal, name: str) -> None:
    accounts.database.run(
        lambda tx: tx.execute(update(User).where(User.id == caller.user_id).values(name=name))
    )


def read_in(accounts: Accounts, caller: Principal, language: str) -> None:
    """Mails to this account are in that language from now on."""
    accounts.database.run(
        lambda tx: tx.execute(update(User).where(User.id == caller.user_id).values(language=language))
    )


def require_password(accounts: Accounts, caller: Principal, password: str, field: str = "password") -> None:
    """Raises ValidationFailed unless it is the caller's; a stolen cookie alone changes nothing that lasts."""
    attempts.charge(accounts.database, [Allowance(f"own:{caller.user_id}", 10, WINDOW_SECONDS)])
    with accounts.database.read() as connection:
        stored = connection.execute(select(User.password_hash).where(User.id == caller.user_id)).scalar_one()
    if not accounts.passwords.matches(stored, password):
        raise ValidationFailed.of(field, WRONG_PASSWORD)


def change_password(accounts: Accounts, caller: Principal, current: str, new: str, door: Door) -> uuid.UUID:
    """Every other login ends. The mail about it is queued; the answer is its id."""
    require_password(accounts, caller, current, "current_password")
    hashed = accounts.passwords.hash(new)
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> uuid.UUID:
        _set_password(tx, caller.user_id, hashed)
        sessions.end_all(tx, caller.user_id, but=caller.session_id)
        pen.note(tx, _who(caller.user_id, door), "account.password_changed")
        return _queue_mail(tx, caller.user_id, CHANGED)

    return accounts.database.run(work)


def ask_for_reset(accounts: Accounts, email: str, account_digest: str, door: Door) -> uuid.UUID | None:
    """Queue a mail with a link, if there is such an account; the caller is told the same in any case.

    Raises TooManyRequests, for unknown addresses too."""
    attempts.charge(
        accounts.database,
        [
            Allowance(f"reset:{account_digest}", 3, 3600),
            Allowance(f"reset-from:{door.origin}", 20 * door.crowd, 3600),
        ],
    )
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> uuid.UUID | None:
        wanted = select(User.id).where(has_address(tx, email), User.disabled_at.is_(None))
        user_id = tx.execute(wanted).scalar()
        if user_id is None:
            return None
        pen.note(tx, _who(user_id, door), "account.reset_asked")
        return _queue_mail(tx, user_id, RESET)

    return accounts.database.run(work)


def reset_token(secret: str, mail_id: uuid.UUID) -> str:
    return proofs.issue(secret, RESET_PURPOSE, mail_id)


def read_reset_token(secrets: tuple[str, ...], token: str) -> uuid.UUID | None:
    return proofs.read(secrets, RESET_PURPOSE, token)


def is_reset_open(accounts: Accounts, mail_id: uuid.UUID | None) -> bool:
    """Whether the link still works."""
    if mail_id is None:
        return False
    with accounts.database.read() as connection:
        return _user_of_reset(connection, mail_id) is not None


def reset_password(accounts: Accounts, mail_id: uuid.UUID | None, new: str, door: Door) -> uuid.UUID:
    """The new password, once per link; every login ends, and the second factor is still asked for.

    Raises NotFound for a link that is used, too old or none of ours. The answer is the id of a mail."""
    hashed = accounts.passwords.hash(new)
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> uuid.UUID:
        user_id = _user_of_reset(tx, mail_id) if mail_id else None
        if user_id is None or not _use(tx, mail_id):
            raise NotFound("This link was used already or is too old. Please ask for a new one.")
        _set_password(tx, user_id, hashed)
        sessions.end_all(tx, user_id)
        pen.note(tx, _who(user_id, door), "account.password_reset")
        return _queue_mail(tx, user_id, CHANGED)

    return accounts.database.run(work)


def confirm_second_factor(accounts: Accounts, caller: Principal, code: str, door: Door) -> list[str]:
    """Set the second factor up; the recovery codes. Raises ValidationFailed for a wrong code."""
    attempts.charge(accounts.database, [Allowance(f"code:{caller.user_id}", 10, WINDOW_SECONDS)])
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> list[str] | None:
        codes = second_factor.finish_setup(tx, caller.user_id, code)
        if codes is None:
            return None
        sessions.end_all(tx, caller.user_id, but=caller.session_id)
        sessions.strengthen(tx, caller.session_id)
        pen.note(tx, _who(caller.user_id, door), "account.second_factor_added")
        return codes

    codes = accounts.database.run(work)
    if codes is None:
        raise ValidationFailed.of("code", "is not the code your app shows now")
    return codes


def remove_second_factor(accounts: Accounts, caller: Principal, password: str, door: Door) -> None:
    require_password(accounts, caller, password)
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> None:
        second_factor.remove(tx, caller.user_id)
        pen.note(tx, _who(caller.user_id, door), "account.second_factor_removed")

    accounts.database.run(work)


def _set_password(tx: Connection, user_id: uuid.UUID, hashed: str) -> None:
    values = {"password_hash": hashed, "password_changed_at": db_now()}
    tx.execute(update(User).where(User.id == user_id).values(values))


def _queue_mail(tx: Connection, user_id: uuid.UUID, kind: str) -> uuid.UUID:
    mail_id = uuid.uuid4()
    tx.execute(insert(AccountMail).values(id=mail_id, user_id=user_id, kind=kind))
    return mail_id


def _user_of_reset(connection: Connection, mail_id: uuid.UUID) -> uuid.UUID | None:
    user_id: uuid.UUID | None = connection.execute(
        select(User.id)
        .join(AccountMail, AccountMail.user_id == User.id)
        .where(
            AccountMail.id == mail_id,
            AccountMail.kind == RESET,
            AccountMail.used_at.is_(None),
            AccountMail.created_at > db_now(-RESET_SECONDS),
            User.disabled_at.is_(None),
        )
    ).scalar()
    return user_id


def _use(tx: Connection, mail_id: uuid.UUID | None) -> bool:
    used = tx.execute(
        update(AccountMail)
        .where(AccountMail.id == mail_id, AccountMail.used_at.is_(None))
        .values(used_at=db_now())
    )
    return used.rowcount == 1


def _who(user_id: uuid.UUID, door: Door) -> Witness:
    return Witness(f"user:{user_id}", door.origin)
