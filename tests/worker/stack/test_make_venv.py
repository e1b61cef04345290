"""The first thing a new machine sees: the environment, or one line about why there is none."""

import hashlib
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from worker.stack import make_venv

Version = namedtuple("Version", "major minor micro")


def test_an_old_python_is_told_its_version_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", Version(3, 9, 2))

    assert make_venv.problem_with_python() == (
        "Oneslot needs Python 3.11 or newer; this is 3.9.2. Name another: make run PYTHON=python3.12"
    )


def test_a_python_without_its_venv_package_is_told_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert "sudo apt install python3-venv" in make_venv.problem_with_python()


def test_this_python_will_do() -> None:
    assert make_venv.problem_with_python() == ""


def test_a_broken_download_is_one_line_and_leaves_no_stamp(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("flask==3.1.3 --hash=sha256:" + "0" * 64 + "\n")
    folder, stamp = tmp_path / "venv", tmp_path / "venv" / "run.stamp"
    # An index that cannot be reached, without waiting for retries.
    environment = {
        "PATH": "/usr/bin:/bin",
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": "/dev/null",
    }

    done = subprocess.run(
        [sys.executable, make_venv.__file__, folder, stamp, requirements],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert not stamp.exists()
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Installing failed: ERROR: Could not find a version that satisfies")


def test_a_newer_release_of_what_is_pinned_does_not_matter(tmp_path: Path) -> None:
    """Packages ask for others, also with an extra; the files alone say which are installed."""
    pinned = [_wheel(tmp_path, "outer", "1.0", needs="inner[more]>=1.0"), _wheel(tmp_path, "inner", "1.0")]
    _wheel(tmp_path, "inner", "2.0")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("\n".join(pinned) + "\n")
    folder, stamp = tmp_path / "venv", tmp_path / "venv" / "run.stamp"
    environment = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}

    subprocess.run(
        [sys.executable, make_venv.__file__, folder, stamp, requirements], env=environment, check=True
    )

    found = next(folder.glob("lib/*/site-packages")).glob("*.dist-info")
    assert {"inner-1.0.dist-info", "outer-1.0.dist-info"} <= {path.name for path in found}


def _wheel(folder: Path, name: str, version: str, needs: str = "") -> str:
    """The smallest package there is; answers with the line that pins it."""
    about = f"{name}-{version}.dist-info"
    required = f"Requires-Dist: {needs}\n" if needs else ""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}"
        )
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
