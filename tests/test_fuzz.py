"""Random and damaged input: a result or one of our errors comes out (`python -m tests.fuzz` searches longer)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.command_lines import COMMANDS
from fuzz.examples import example
from fuzz.small_model import small_model

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes and timers of the processor")

#: Examples of each command; the long search runs thousands a minute.
EXAMPLES = 15


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "m")


@pytest.mark.parametrize("command", COMMANDS)
def test_random_input_gives_a_result_or_one_of_our_errors(command: str, model: Path) -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("timers of the processor work in the main thread only")

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32 - 1))
    def searched(seed: int) -> None:
        outcome = example(Random(seed), model, command)
        assert not outcome.finding, f"python -m tests.fuzz --once --seed {seed} --command '{command}': {outcome}"

    searched()
