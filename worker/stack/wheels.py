"""Where the servers that came as Python wheels keep their programs."""

import importlib.util
import shutil
import subprocess
from pathlib import Path


def folder_of(package: str) -> Path | None:
    """The folder of an installed package; not imported, which is slow and may print warnings."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def first_program(pattern: str, package: str) -> Path | None:
    """The program matching `pattern` inside an installed package, if its wheel has one for this platform."""
    folder = folder_of(package)
    return next(iter(sorted(folder.glob(pattern))), None) if folder else None


def on_path(*names: str) -> Path | None:
    """The first of these programs that is on PATH."""
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


def version_line(program: Path, flag: str) -> str | None:
    """What the program says of its version; None when it cannot even say that on this machine."""
    try:
        said = subprocess.run([program, flag], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return (said.stdout + said.stderr).strip()
