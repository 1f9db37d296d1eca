"""What an online run prints of its measurements."""

from __future__ import annotations

import io

import pytest

from penchant.online.journal import Journal
from penchant.online.measuring import Measured
from penchant.terminal import make_console
from penchant.training.progress import ProgressReporter


@pytest.mark.parametrize(("held_out", "prompts"), [(True, "held-out prompts"), (False, "prompts that are trained on")])
def test_a_measurement_says_on_which_prompts_it_is(held_out: bool, prompts: str) -> None:
    printed = io.StringIO()
    journal = Journal(None, ProgressReporter(console=make_console(file=printed)), rounds=2, held_out=held_out)
    journal.begin(1)
    journal.measured(1, Measured("reward", 0.5, 0.25, 0.75, ("a",), (0.5,), length=1.0, finished=1.0))
    assert printed.getvalue() == f"After 1 round (1 step): reward 0.500 [0.250, 0.750] on {prompts}\n"
