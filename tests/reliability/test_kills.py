"""A command that is killed at any moment goes on to the same end: weights, losses, log, warnings and files.

``make test-kills`` runs these and prints the table.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reliability.killing import Killer, hold
from reliability.subjects import FILES, RUNS, OneFile, Run

pytestmark = pytest.mark.long


@pytest.mark.parametrize("subject", RUNS, ids=lambda subject: subject.name)
def test_a_killed_run_goes_on_to_the_same_end(
    subject: Run, killer: Killer, record_property: Callable[[str, object], None]
) -> None:
    hold(subject.name, killer.kill_run(subject), record_property)


@pytest.mark.parametrize("subject", FILES, ids=lambda subject: subject.name)
def test_a_killed_command_leaves_the_old_file_or_the_new_one(
    subject: OneFile, killer: Killer, record_property: Callable[[str, object], None]
) -> None:
    hold(subject.name, killer.hurt_file(subject), record_property)
