"""Measurements of held-out prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from penchant.errors import ConfigurationError
from penchant.feedback.records import Prompt, Record
from penchant.generation.responses import Response, Sampling
from penchant.online.measuring import measure
from penchant.online.samplers.independent import Independent
from penchant.online.samplers.sampler import Drawn, Means
from penchant.rewards import build_judge
from small_judges import JUDGES
from small_runs import losses, metrics, pairs, write_pairs


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


def test_another_judge_may_measure_what_the_policy_labels_itself(online: Run, tmp_path: Path) -> None:
    """The rounds are judged by likelihood, or not at all; the held-out responses by a function."""
    keys: dict[str, Any] = {
        "method": "self-rewarding",
        "judge": {"name": "policy"},
        "eval": {"judge": {"name": "function", "path": f"{JUDGES}:reds"}},
        "iterations": 2,
        "eval_every": 1,
    }
    whole = online("whole", **keys)
    own = online("own", **{**keys, "eval": None})
    assert losses(whole.folder) == losses(own.folder), "who measures has no say in training"
    found = [row["reward"] for row in metrics(whole.folder, "eval").values() if "reward" in row]
    other = [row["reward"] for row in metrics(own.folder, "eval").values() if "reward" in row]
    assert len(found) == len(other) == 3 and found != other and all(-1 < each < 6 for each in found)
    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs(12)]
    shown = {"method": "spin", "judge": "none", "data": str(write_pairs(tmp_path / "shown.jsonl", rows))}
    assert "reward" in online("spin", **{**keys, **shown}).summary["after"]
    with pytest.raises(ConfigurationError, match=r"eval\.judge: The judge 'none' scores no response by itself"):
        online("silent", **{**keys, "eval": {"judge": "none"}})
    with pytest.raises(ConfigurationError, match="win_rate_against"):
        online("wins", **{**keys, "eval": {"judge": "verifier", "win_rate_against": "start"}})
