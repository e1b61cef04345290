"""The table of mutants still fits the code; `make mutants` does the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import MUTANTS
from tests.mutation import ROOT, Edit, Mutant, mutate

EDITS = {f"{mutant.name}, {number}": edit for mutant in MUTANTS for number, edit in enumerate(mutant.edits)}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_the_guard_a_mutant_takes_away_is_there_once(edit: Edit) -> None:
    assert (ROOT / edit.file).read_text().count(edit.old) == 1
    assert edit.new != edit.old


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_test_that_must_notice_exists(mutant: Mutant) -> None:
    file, _, test = mutant.test.partition("::")

    assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text()


def test_names_are_told_apart() -> None:
    names = [mutant.name for mutant in MUTANTS]

    assert len(set(names)) == len(names)


def test_a_guard_that_is_not_there_cannot_be_taken_away(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("guard()\nguard()\n")

    with pytest.raises(ValueError, match="2 times"):
        mutate(tmp_path, Edit("code.py", "guard()", "pass"))
