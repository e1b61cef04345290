"""Takes guards out of copies of the tree, one at a time, and sees whether a named test notices."""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "var", "__pycache__", "htmlcov")
AT_ONCE = 2
SECONDS_PER_TEST = 90
SOME_TESTS_FAILED = 1  # pytest's exit code; others say that it could not run them
ONE_FAILED = re.compile(r"^1 failed in ", re.MULTILINE)  # and no error beside it


@dataclass(frozen=True)
class Edit:
    """In this file this text, which occurs once, becomes that one."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A guard taken away, and the test that must notice."""

    name: str
    test: str
    edits: tuple[Edit, ...]


class Outcome(Enum):
    """What became of a mutant, as it is printed."""

    NOTICED = "noticed "
    SURVIVED = "SURVIVED"
    NOT_RUN = "NOT RUN "


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    outcome: Outcome
    seconds: float
    said: str


def mutate(tree: Path, edit: Edit) -> None:
    """Raises ValueError unless the text occurs exactly once."""
    file = tree / edit.file
    text = file.read_text()
    if text.count(edit.old) != 1:
        raise ValueError(f"{edit.file} holds {text.count(edit.old)} times: {edit.old!r}")
    file.write_text(text.replace(edit.old, edit.new))


def run_tests(tree: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    options = ("-q", "-x", "-p", "no:cacheprovider", "--tb=line", f"--timeout={SECONDS_PER_TEST}")
    # Compiled files are told apart by size and second, and an edit may change neither.
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
    )


def judge(tree: Path, mutant: Mutant) -> Verdict:
    """Whether the test fails without the guard; the tree is whole again afterwards."""
    whole = {edit.file: (tree / edit.file).read_text() for edit in mutant.edits}
    started = time.monotonic()
    try:
        for edit in mutant.edits:
            mutate(tree, edit)
        done = run_tests(tree, [mutant.test])
    finally:
        for file, text in whole.items():
            (tree / file).write_text(text)
    return Verdict(mutant, _outcome(done), time.monotonic() - started, done.stdout + done.stderr)


def _outcome(done: subprocess.CompletedProcess[str]) -> Outcome:
    if done.returncode == 0:
        return Outcome.SURVIVED
    has_failed = done.returncode == SOME_TESTS_FAILED and ONE_FAILED.search(done.stdout)
    return Outcome.NOTICED if has_failed else Outcome.NOT_RUN


def judge_all(mutants: Sequence[Mutant], folder: Path) -> bool:
    """Print a line for each; true when every one was noticed."""
    trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for number in range(AT_ONCE):
        trees.put(Path(shutil.copytree(ROOT, folder / f"tree-{number}", ignore=LEFT_OUT)))

    def judge_next(mutant: Mutant) -> Verdict:
        tree = trees.get()
        try:
            return judge(tree, mutant)
        finally:
            trees.put(tree)

    all_noticed = True
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for verdict in pool.map(judge_next, mutants):
            print(f"{verdict.outcome.value} {verdict.seconds:5.1f} s  {verdict.mutant.name}", flush=True)
            if verdict.outcome is not Outcome.NOTICED:
                all_noticed = False
                print(f"  {verdict.mutant.test}\n{verdict.said}", flush=True)
    return all_noticed


def run(mutants: Sequence[Mutant]) -> bool:
    """First with every guard in place, then without each; true when every mutant was noticed."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="oneslot-mutants-") as folder:
        whole = Path(shutil.copytree(ROOT, Path(folder) / "whole", ignore=LEFT_OUT))
        unharmed = run_tests(whole, sorted({mutant.test for mutant in mutants}))
        if unharmed.returncode != 0:
            print(f"The tests fail with every guard in place:\n{unharmed.stdout}{unharmed.stderr}")
            return False
        all_noticed = judge_all(mutants, Path(folder))
    print(f"{len(mutants)} mutants in {time.monotonic() - started:.0f} s")
    return all_noticed
