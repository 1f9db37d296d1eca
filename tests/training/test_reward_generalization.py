"""Explicit and implicit reward trained on the same pairs: the sets, the drop, and the command."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

from penchant.cli.app import main
from penchant.cli.measuring.reward_generalization import _tabled
from penchant.diagnostics.generalization import Generalization
from penchant.diagnostics.shifts import SHIFTS
from penchant.errors import ConfigurationError
from penchant.feedback import read
from penchant.training.reward_generalization import OWN, RewardStudy, _on_the_same_pairs, _sets
from small_runs import WORDS, model_folder, write_pairs


def rows(count: int) -> list[dict[str, str]]:
    rng = random.Random(0)

    def said() -> str:
        return " ".join(rng.choices(WORDS, k=4))

    return [{"prompt": f"{said()} {number}", "chosen": said(), "rejected": said()} for number in range(count)]


def test_no_prompt_is_in_two_parts_and_every_shift_has_the_held_out_pairs() -> None:
    training, validation, sets = _sets(read(rows(80)))
    prompts = [{str(row["prompt"]) for row in part} for part in (training, validation, sets[OWN])]
    assert not (prompts[0] & prompts[1] or prompts[0] & prompts[2] or prompts[1] & prompts[2])
    assert sum(map(len, prompts)) == 80 and len(prompts[0]) > 45
    assert {name: len(sets[name]) for name in SHIFTS} == dict.fromkeys(SHIFTS, len(sets[OWN]))
    assert all(row in training for row in sets["training"])


def test_the_drop_is_explicit_less_implicit_and_its_mean_is_over_shifts() -> None:
    names = (OWN, "training", "one", "two")
    seeds = [
        Generalization(dict(zip(names, (0.8, 0.9, 0.7, 0.6), strict=True)), dict.fromkeys(names, 0.5), OWN),
        Generalization(dict(zip(names, (0.8, 0.9, 0.7, 0.8), strict=True)), dict.fromkeys(names, 0.5), OWN),
    ]
    found = RewardStudy(seeds, [{}, {}], dict.fromkeys(names, 10)).as_dict()
    assert found["sets"][3]["drops"] == pytest.approx([0.1, 0.3])
    assert [found["mean_drop"], found["max_drop"]] == pytest.approx([0.2, 0.2])


def test_a_pair_that_one_arm_cannot_score_is_left_out_of_both() -> None:
    scores = {
        "explicit": {OWN: (torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 5.0, 0.0]))},
        "implicit": {OWN: (torch.tensor([1.0, torch.nan, 3.0]), torch.tensor([0.0, torch.nan, 4.0]))},
    }
    found = _on_the_same_pairs(scores)
    assert found["explicit"][OWN][0].tolist() == [1.0, 3.0] and found["implicit"][OWN][1].tolist() == [0.0, 4.0]


def test_too_few_pairs_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="too few"):
        _sets(read(rows(4)))


def test_differences_of_shares_stay_within_100_points_and_have_a_true_minus_sign() -> None:
    names = (OWN, "training", "one")
    seeds = [
        Generalization(dict.fromkeys(names, explicit), dict.fromkeys(names, 1.0), OWN) for explicit in (0.1, 0.9, 0.2)
    ]
    table, line = _tabled(RewardStudy(seeds, [{}] * 3, dict.fromkeys(names, 10)))
    assert next(iter(table.columns[-1].cells)) == "−60.0 (−100.0 to +48.3)"
    assert line == "Explicit less implicit under shifts: mean −60.0, largest −60.0 points."


@pytest.mark.long
def test_the_command_trains_both_and_measures_every_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model_folder(tmp_path / "start")
    data, other = write_pairs(tmp_path / "pairs.jsonl", rows(40)), write_pairs(tmp_path / "other.jsonl", rows(45)[40:])
    words = ["--model", str(tmp_path / "start"), "--data", str(data), "--shifted", str(other), "--seeds", "1"]
    rates = ["--learning-rate", "1e-3", "--learning-rate", "1e-5", "--beta", "0.1", "--beta", "0.5"]
    out = ["-o", str(tmp_path / "runs"), "--json", str(tmp_path / "found.json"), "--html", str(tmp_path / "page.html")]
    assert main(["reward-generalization", *words, *rates, *out]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "misspelling" in page and "above 0 the reward model generalises better" in page
    found = json.loads((tmp_path / "found.json").read_text())
    assert [row["set"] for row in found["sets"]] == [OWN, "training", *SHIFTS, "other.jsonl"]
    assert all(0 <= row[kind] <= 1 for row in found["sets"] for kind in ("explicit", "implicit"))
    assert set(found["learning_rates"][0]) == {"explicit", "implicit"}
    assert found["betas"][0] in (0.1, 0.5)
    recipe = next((tmp_path / "runs").glob("implicit-*-0.5")) / "recipe.yaml"
    assert "beta: 0.5" in recipe.read_text()
    assert len(list((tmp_path / "runs").iterdir())) == 2 + 4 and "misspelling" in capsys.readouterr().out
