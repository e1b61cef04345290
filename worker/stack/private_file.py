"""Files that only their owner can read: secrets, and state with passwords in it."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace the file's content at once: a reader finds the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def kept_secret(path: Path) -> str:
    """The random secret in `path`, made now if there is none yet; the same one ever after."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text().strip()
