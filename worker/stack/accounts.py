"""The account for servers that refuse to run as root, and what that account can reach."""

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from worker.stack.errors import MissingToolError


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    group: str
    gid: int


def is_root() -> bool:
    return os.geteuid() == 0


def account_for_servers() -> Account | None:
    """The unprivileged account to use when we are root; None when we are not: then ours will do."""
    if not is_root():
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as missing:
        raise MissingToolError(
            "PostgreSQL refuses to run as root and this machine has no account 'nobody'"
        ) from missing
    return Account(entry.pw_name, entry.pw_uid, grp.getgrgid(entry.pw_gid).gr_name, entry.pw_gid)


def can_everybody_reach(path: Path) -> bool:
    """True when every folder from the root down to `path` may be entered by any user."""
    folder = path.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents) if step.exists())


def give_to(path: Path, account: Account | None) -> None:
    """Make the account the owner of `path` and of all below it; nothing to do without one."""
    if account is None:
        return
    for folder, _, files in os.walk(path):
        os.chown(folder, account.uid, account.gid)
        for name in files:
            os.chown(Path(folder, name), account.uid, account.gid, follow_symlinks=False)
