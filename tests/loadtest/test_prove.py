import json

import pytest

from loadtest.control.scratch import control_server
from loadtest.prove import Row, main


def row(*, expected, faults):
    return Row(
        system="stack",
        mode="slot",
        fault="none",
        strikes=0,
        clients=2,
        rounds=1,
        requests=2,
        seconds=0.1,
        expected=expected,
        faults=faults,
    )


@pytest.mark.parametrize(
    ("expected", "faults", "is_proved"),
    [
        ("quiet", (), True),
        ("quiet", ("2 winners",), False),
        ("alarm", (), False),
        ("alarm", ("2 winners",), True),
    ],
)
def test_a_row_is_proved_when_it_shows_what_it_must(expected, faults, is_proved):
    assert row(expected=expected, faults=faults).is_proved is is_proved


@pytest.mark.parametrize(("is_guarded", "code"), [(True, 0), (False, 1)])
def test_the_proof_passes_on_a_guarded_system_and_fails_on_another(tmp_path, capsys, is_guarded, code):
    with control_server(is_guarded=is_guarded) as target:
        stack = {"base_url": target.base_url, "nodes": [], "database_url": target.database_url}
        (tmp_path / "stack.json").write_text(json.dumps(stack))
        flags = ["--stack-file", str(tmp_path / "stack.json"), "--base-url", target.base_url]
        bounds = ["--clients", "30", "--rounds", "2", "--faults", "none", "--directory", str(tmp_path)]

        result = main(flags + bounds)

    assert result == code
    [proof] = tmp_path.glob("proof-*.json")
    written = json.loads(proof.read_text())
    assert written["proved"] is is_guarded
    assert [line["expected"] for line in written["rows"]] == ["quiet"] * 3 + ["alarm"] * 3
    assert f"{6 if is_guarded else 3} of 6 rows proved" in capsys.readouterr().out
