"""The second factor: a code from a telephone, or one of ten recovery codes on paper."""

from __future__ import annotations

import hashlib
import secrets
import uuid

from sqlalchemy import Connection, delete, insert, or_, select, update

from app.accounts import totp
from app.database import db_now
from app.tables.accounts import RecoveryCode, User

RECOVERY_CODES = 10
#: 80 bits each; without letters that look alike.
RECOVERY_LETTERS = "ACDEFGHJKMNPQRTUVWXY34679"
RECOVERY_LENGTH = 18


def begin_setup(tx: Connection, user_id: uuid.UUID) -> str:
    """The secret to put into an app: that of a set-up already begun, else a new one. Not in force yet."""
    known = tx.execute(select(User.totp_secret, User.totp_since).where(User.id == user_id)).one()
    if known.totp_since is not None:
        raise AssertionError("the second factor is set up already")
    if known.totp_secret:
        return str(known.totp_secret)
    secret = totp.new_secret()
    tx.execute(update(User).where(User.id == user_id).values(totp_secret=secret, totp_last_step=None))
    return secret


def finish_setup(tx: Connection, user_id: uuid.UUID, code: str) -> list[str] | None:
    """From now on the code is asked for; the recovery codes, shown this once. None when the code is wrong."""
    if not _take_code(tx, user_id, code):
        return None
    tx.execute(update(User).where(User.id == user_id).values(totp_since=db_now()))
    return renew_recovery_codes(tx, user_id)


def remove(tx: Connection, user_id: uuid.UUID) -> None:
    """Ask for the password alone again."""
    tx.execute(
        update(User).where(User.id == user_id).values(totp_secret=None, totp_since=None, totp_last_step=None)
    )
    tx.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def check(tx: Connection, user_id: uuid.UUID, typed: str) -> bool:
    """Whether this is a right code, of the telephone or of the paper; either counts once."""
    text = "".join(typed.split()).replace("-", "").upper()
    if len(text) == totp.DIGITS and text.isascii() and text.isdigit():
        return _take_code(tx, user_id, text)
    used = tx.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _hash(text),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=db_now())
    )
    return used.rowcount == 1


def renew_recovery_codes(tx: Connection, user_id: uuid.UUID) -> list[str]:
    """Ten new ones; the old ones count no more."""
    tx.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [
        "".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    tx.execute(insert(RecoveryCode), [{"user_id": user_id, "code_hash": _hash(code)} for code in codes])
    return ["-".join(code[i : i + 6] for i in range(0, RECOVERY_LENGTH, 6)) for code in codes]


def _take_code(tx: Connection, user_id: uuid.UUID, code: str) -> bool:
    """One statement moves the step on, so that of two who bring the same code one is refused."""
    row = tx.execute(
        select(User.totp_secret, User.totp_last_step, db_now().label("now")).where(User.id == user_id)
    ).one()
    if row.totp_secret is None:
        return False
    step = totp.step_of(row.totp_secret, code, row.now.timestamp(), row.totp_last_step)
    if step is None:
        return False
    moved = tx.execute(
        update(User)
        .where(User.id == user_id, or_(User.totp_last_step.is_(None), User.totp_last_step < step))
        .values(totp_last_step=step)
    )
    return moved.rowcount == 1


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
