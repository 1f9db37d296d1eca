"""Positive-unlabelled distillation on sums: what is learned from, and which arms go on from where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.lab.claims import find_claim
from penchant.lab.pretrained import Pretraining
from penchant.lab.worlds.sums import SumsWorld, taught
from penchant.online import make_online_recipe

SIZE = Pretraining(64, epochs=1, batch_size=32, learning_rate=3e-3, width=32)


def test_both_arms_of_the_claim_start_from_the_fine_tuned_student_and_read_the_teachers_answers(
    kept_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(kept_models))
    monkeypatch.setattr(taught, "_STUDENT", SumsWorld(wrong=0.65, largest=3, pretraining=SIZE))
    monkeypatch.setattr(taught, "_STRONGER", SumsWorld(wrong=0.0, largest=3, pretraining=SIZE))
    monkeypatch.setattr(taught, "_HELD_OUT", 4)
    monkeypatch.setattr(taught, "answers_of", lambda model, prompts: ["7"] * (len(prompts) - 1) + [""])
    for each in ("online.outcome", "evaluation.report"):  # drawing takes longer than these runs
        monkeypatch.setattr(f"penchant.{each}.write_report", lambda folder: folder / "report.html")
    seen: dict[str, tuple[str, set[str]]] = {}
    improved = taught._improved

    def watched(folder: Path, arm: str, keys: dict[str, object]) -> object:
        rows = map(json.loads, Path(str(keys["data"])).read_text(encoding="utf-8").splitlines())
        seen[arm] = (str(keys["method"]), {row["completion"] for row in rows})
        assert (folder / "tuned" / "model" / "config.json").is_file()
        return improved(folder, arm, keys)  # type: ignore[arg-type]

    monkeypatch.setattr(taught, "_improved", watched)
    small = {"iterations": 1, "prompts_per_iteration": 4, "samples_per_prompt": 2, "batch_size": 4}
    arms = {"pairs": {"method": "pu-distill-pairs", **small}, "list": {"method": "pu-distill", **small}}
    found = taught.learn_from_anchors(0, {"epochs": 1, "batch_size": 4}, arms)
    assert set(found) == {"start", "fine-tuned", "pairs", "list"} and all(0 <= each <= 1 for each in found.values())
    assert seen == {"pairs": ("pu-distill-pairs", {"7"}), "list": ("pu-distill", {"7"})}


def test_the_arms_of_the_claim_are_recipes() -> None:
    from penchant.lab.claims.papers.policy_gradient.pu_distill_sums import _ARMS

    for arm, keys in _ARMS.items():
        recipe = make_online_recipe({"model": "m", "data": "d", **keys})
        assert recipe.pairing["name"] == {"pairs": "best_worst", "list": "group"}[arm]
    assert {"pairs", "list"} <= {name for each in find_claim("pu-distill-sums").contrasts for name in each.arms}
