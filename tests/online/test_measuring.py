"""Measurements of held-out prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from penchant.feedback.records import Prompt, Record
from penchant.generation.responses import Response, Sampling
from penchant.online.measuring import measure
from penchant.online.samplers.independent import Independent
from penchant.online.samplers.sampler import Drawn, Means
from penchant.rewards import build_judge


class Given(Independent):
    """Two right answers to each prompt but the last, which has a right and a wrong one."""

    id = ""

    def draw(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        right, wrong = Response("2", (7,), True), Response("3", (8,), True)
        rows = [(right, right)] * (len(records) - 1) + [(right, wrong)]
        return [Drawn(row) for row in rows]

    heldout = draw


def test_the_interval_of_a_mean_of_shares_stays_between_0_and_1() -> None:
    records = [Prompt(prompt=f"{each}+1", fields={"answer": "2"}) for each in range(20)]
    engine: Any = None
    found = measure(Given(), Means(engine, build_judge({"name": "verifier"}, records)), records, Sampling(2), seed=0)
    assert found is not None and (found.name, found.value) == ("accuracy", pytest.approx(0.975))
    assert 0 < found.low < found.value < found.high == 1.0
