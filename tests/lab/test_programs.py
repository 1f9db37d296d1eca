"""Sums and small programs: their answers are those of Python."""

from __future__ import annotations

import contextlib
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.lab import ProgramsWorld, SumsWorld
from penchant.lab.worlds.sums import run_program, write_program
from penchant.rewards import Verifier


def _python_prints(program: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program, {})
    return printed.getvalue().strip()


@given(
    seed=st.integers(0, 10**6),
    lines=st.integers(2, 6),
    signs=st.sampled_from(["+", "+-", "*-+"]),
    largest=st.integers(1, 30),
)
def test_programs_print_what_python_prints(seed: int, lines: int, signs: str, largest: int) -> None:
    program = write_program(random.Random(seed), lines=lines, largest=largest, signs=signs)
    assert program.count(";") == lines - 1
    assert str(run_program(program)) == _python_prints(program)
    assert 0 <= run_program(program) <= 99


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        ("x = 3; y = x + 4; print(y)", 7),
        ("x = 9; x = x - 9; print(x)", 0),
        ("z = 12; y = z * 3; z = y - z; print(z)", 24),
        ("x = 2; y = 5; print(x)", 2),
    ],
)
def test_programs_by_hand(program: str, printed: int) -> None:
    assert run_program(program) == printed


@pytest.mark.parametrize(
    "program", ["print(x)", "x = 1", "", "x = 1; print(y)", "x = y; print(x)", "import os; print(x)"]
)
def test_what_is_no_program_is_refused(program: str) -> None:
    with pytest.raises(DataError, match="not a valid program of the lab"):
        run_program(program)


@pytest.mark.parametrize("world", [SumsWorld(wrong=0.4), ProgramsWorld(wrong=0.4)], ids=lambda world: world.id)
class TestBothWorlds:
    def test_answers_are_right_and_a_verifier_agrees(self, world: SumsWorld | ProgramsWorld) -> None:
        rows = world.prompts(200, seed=2)
        judge = Verifier.of_records(read(rows))
        for row in rows:
            text = row["prompt"]
            right = str(eval(text.removesuffix("="))) if world.id == "sums" else _python_prints(text)
            assert row["answer"] == right
            assert world.reward(text, right) == 1.0 == judge.score(text, [right])[0]
            assert world.reward(text, f"{right}0") == world.reward(text, "") == 0.0

    def test_the_pupil_is_as_careless_as_told(self, world: SumsWorld | ProgramsWorld) -> None:
        shown = world.demonstrations(1500, seed=0)
        right = sum(world.reward(each["prompt"], each["completion"]) for each in shown) / len(shown)
        assert 0.55 < right < 0.67

    def test_in_pairs_the_right_answer_is_chosen(self, world: SumsWorld | ProgramsWorld) -> None:
        pairs = world.pairs(100, seed=0)
        assert pairs == world.pairs(100, seed=0)
        for pair in pairs:
            assert pair["chosen"] == str(world.answer(pair["prompt"])) != pair["rejected"]

    def test_the_tokenizer_reads_back_what_it_writes(self, world: SumsWorld | ProgramsWorld) -> None:
        tokenizer = world.tokenizer()
        for row in world.prompts(50):
            ids = tokenizer(row["prompt"], add_special_tokens=False)["input_ids"]
            assert tokenizer.unk_token_id not in ids and tokenizer.decode(ids) == row["prompt"]


@pytest.mark.parametrize("dials", [{"lines": 1}, {"signs": "/"}, {"signs": ""}, {"wrong": 1.5}])
def test_a_wrong_dial_is_said(dials: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        ProgramsWorld(**dials)  # type: ignore[arg-type]
