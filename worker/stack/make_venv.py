"""Makes the virtual environment: python3 make_venv.py FOLDER STAMP REQUIREMENTS...

Run by the system's Python before anything is installed, so it uses the standard library only, imports nothing
of ours, and its syntax must be readable by Pythons too old for the rest: they are to hear so in plain words.
"""

import fcntl
import importlib.util
import os
import subprocess
import sys
import time

OLDEST = (3, 11)


def problem_with_python() -> str:
    """One line about why this Python cannot do it, or nothing."""
    if sys.version_info < OLDEST:
        have = ".".join(map(str, sys.version_info[:3]))
        return f"Oneslot needs Python 3.11 or newer; this is {have}. Name another: make run PYTHON=python3.12"
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        return (
            "this Python cannot make virtual environments. Debian, Ubuntu: sudo apt install python3-venv; "
            "or name another: make run PYTHON=python3.12"
        )
    return ""


def make_venv(folder: str) -> None:
    """Make it anew unless its Python runs; a copied or moved folder has one that does not."""
    python = os.path.join(folder, "bin", "python")
    works = os.path.exists(python) and subprocess.call([python, "-c", ""], stderr=subprocess.DEVNULL) == 0
    if not works:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)


def install(folder: str, requirements: "list[str]") -> str:
    """Install what is pinned; answers with one line about what went wrong, or nothing.

    The files name everything, so pip need not resolve: older ones take `pydantic[email]`, which a package
    asks for, for a requirement of its own and refuse it when a newer release than the pinned one is out."""
    command = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    for path in requirements:
        command += ["-r", path]
    log = os.path.join(folder, "pip.log")
    with open(log, "w") as output:
        if subprocess.call(command, stdout=output, stderr=subprocess.STDOUT) == 0:
            return ""
    with open(log) as output:
        errors = [line.strip() for line in output if line.startswith("ERROR")]
    reason = errors[0] if errors else "pip failed"
    return f"Installing failed: {reason} (all of it in {log}; the same command tries again)"


def main(folder: str, stamp: str, requirements: "list[str]") -> str:
    problem = problem_with_python()
    if problem:
        return problem
    os.makedirs(folder, exist_ok=True)
    # Two commands started together (run and test) must not install into one folder at the same time.
    with open(folder.rstrip("/") + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = time.monotonic()
        print(f"Installing {', '.join(requirements)} into {folder} (about a minute, only when they change)")
        sys.stdout.flush()
        make_venv(folder)
        problem = install(folder, requirements)
        if problem:
            return problem
        with open(stamp, "w") as done:
            done.write("\n".join(requirements) + "\n")
        print(f"Installed in {time.monotonic() - started:.0f} s")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]) or 0)
