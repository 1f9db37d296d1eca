"""Roll-ins: samples that begin with a part of a given response, of which the policy learns nothing."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from online.conftest import Run
from penchant.errors import ConfigurationError, DataError
from penchant.online.roll_in import draw_roll_in, roll_in_shares
from penchant.online.rollouts import Rollout
from small_runs import write_pairs


def test_lengths_are_drawn_as_their_shares_say() -> None:
    shares = roll_in_shares(4, 0.7)
    assert sum(shares) == pytest.approx(1) and roll_in_shares(1, 0.7) == [1.0]
    rng = random.Random(0)
    drawn = Counter(draw_roll_in(4, 0.7, rng) for _ in range(4000))
    assert [drawn[length] / 4000 for length in range(4)] == pytest.approx(shares, abs=0.03)


def test_the_policy_learns_from_what_it_wrote_itself_alone(online: Run, tmp_path: Path) -> None:
    rows = [
        {"prompt": f"which colour is the {thing}", "completion": f" the {thing} is red"} for thing in ("car", "hat")
    ]
    data = write_pairs(tmp_path / "shown.jsonl", rows * 4)
    done = online(method="dr-po", data=str(data), iterations=1, batch_size=8, samples_per_prompt=2, epochs=1)
    kept = json.loads((done.folder / "rounds/00001/rollouts.json").read_text())
    begun = 0
    for each in map(Rollout.from_json, kept):
        for response, logps in zip(each.responses, each.old_logps, strict=True):
            assert response.learned is not None
            given = response.learned.index(True)
            begun += given
            assert response.ids[:given] == each.demonstration[:given] and given < len(each.demonstration)
            assert all(response.learned[given:]) and len(logps) == len(response.ids) - given
    assert begun > 0


def test_a_roll_in_is_never_as_long_as_its_response(online: Run, tmp_path: Path) -> None:
    # The word and the end token: at most the word is given.
    data = write_pairs(tmp_path / "short.jsonl", [{"prompt": "which colour is the car", "completion": " red"}] * 8)
    done = online(method="dr-po", data=str(data), iterations=1, batch_size=8, samples_per_prompt=4, epochs=1)
    kept = json.loads((done.folder / "rounds/00001/rollouts.json").read_text())
    for each in map(Rollout.from_json, kept):
        begun = [response.learned.index(True) for response in each.responses if response.learned is not None]
        assert len(begun) == len(each.responses) and max(begun) < len(each.demonstration) == 2
    assert draw_roll_in(1, 1.0, random.Random(0)) == draw_roll_in(0, 1.0, random.Random(0)) == 0


def test_a_prompt_without_a_response_cannot_be_reset(online: Run) -> None:
    with pytest.raises(DataError, match=r"A roll-in needs a response for each prompt, but this record is a prompt"):
        online(method="dr-po")
    with pytest.raises(ConfigurationError, match="roll_in"):
        online(method="dr-po", roll_in=1.5)
