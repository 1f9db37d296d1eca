"""Every recipe, killed in its second round and resumed, ends as an uninterrupted run, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from online.killing import killed_and_resumed
from online.test_conversations import KILLS as TALKS
from online.test_conversations import keys_of as keys_of_talk
from online.test_self_play import KILLS as GAMES
from online.test_self_play import keys_of
from penchant.online import methods
from penchant.online.rollout_maker import RolloutMaker
from penchant.training.trainer import PreferenceTrainer
from small_judges import JUDGES
from small_runs import pairs, write_pairs

#: Killed elsewhere: in test_loop.py, test_self_play.py and test_policy_gradients.py; a catalogue in test_rere.py; a
#: search in samplers/search/test_search.py; conversations in test_conversations.py; learned rewards in test_dr_irl.py.
ELSEWHERE = {"grpo", "iterative-dpo", "sppo", "rejection-sampling", "ppo", *GAMES, "rere", "mcts-dpo", "dr-irl", *TALKS}
#: Of the others, one for each thing that a run keeps or draws: groups that are drawn again, parts of given responses
#: with a critic, a divergence in the reward, token returns, greedy scores, labels with old log-probabilities, earlier
#: rounds, a reference behind the reference, revisions, given pairs, an opponent, parts of a judge, a teacher, a choice.
KINDS = {
    *("dapo", "dr-po", "rloo", "reinforce-pp", "remax", "nft", "spin", "apo-nesterov", "drift", "hypo", "xpo"),
    *("multi-objective-grpo", "on-policy-distillation", "curated-retraining"),
}
OWN: dict[str, dict[str, Any]] = {
    "dapo": {"judge": {"name": "function", "path": f"{JUDGES}:golden"}, "resample": 2},
    "itool": {
        "sampler": {"name": "fragments", "grades": False, "hardest": 1.0, "fragments": 1, "marks": [" "]},
        "pairing": {"name": "siblings", "gap": 0.0, "floor": -9.0, "overlap": 1.0},
    },
    "rloo": {"reward_kl_target": 0.05, "reward_kl_horizon": 10},
    "nft": {"judge": {"name": "function", "path": f"{JUDGES}:golden"}, "objective": {"token_normalizer": 5.0}},
    "apo-nesterov": {"reference": "extrapolated"},
    "multi-objective-grpo": {
        "judge": [
            {"name": "function", "path": f"{JUDGES}:reds", "label": "reds"},
            {"name": "function", "path": f"{JUDGES}:varied", "label": "varied"},
        ]
    },
}


def small(name: str, folder: Path, tmp_path: Path) -> dict[str, Any]:
    """Two rounds on four prompts."""
    keys = keys_of(name, tmp_path) | {"iterations": 2, "prompts_per_iteration": 4, "max_new_tokens": 4, "epochs": 1}
    keys |= {"batch_size": 2, "accumulate": 1, "save_every": 1, "eval_limit": 1, **OWN.get(name, {})}
    if name == "on-policy-distillation":
        keys |= {"teacher": str(folder), "judge": "none"}
    if name.startswith("optima"):
        keys = keys_of_talk(tmp_path, name) | {"batch_size": 2, "save_every": 1, "eval_limit": 1}
    if name in ("dr-po", "spin", "itool", "pu-distill-pairs"):
        rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs(12)]
        keys |= {"data": str(write_pairs(tmp_path / "shown.jsonl", rows))}
        keys |= {"judge": "none"} if name == "spin" else {}
    return keys


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in KINDS else [pytest.mark.long])
        for name in methods()
        if name not in ELSEWHERE
    ],
)
def test_a_killed_run_ends_as_an_uninterrupted_one(
    name: str, online: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = small(name, folder, tmp_path)
    steps: list[int] = []
    with monkeypatch.context() as patch:
        original = PreferenceTrainer.training_step

        def counted(self: PreferenceTrainer, *args: Any, **kwargs: Any) -> Any:
            steps.append(1)
            return original(self, *args, **kwargs)

        patch.setattr(PreferenceTrainer, "training_step", counted)
        whole = online("whole", **keys)
    assert len(steps) > 1, "otherwise there is nothing to interrupt"
    killed_and_resumed(online, keys, monkeypatch, whole, PreferenceTrainer, "training_step", len(steps))


def test_given_responses_are_the_same_after_a_kill(
    online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"prompt": row["prompt"], "completions": [row["chosen"], row["rejected"]], "scores": [1, 0]}
            for row in pairs(12)]  # fmt: skip
    data = write_pairs(tmp_path / "ranked.jsonl", rows)
    keys: dict[str, Any] = {"sampler": "file", "data": str(data), "iterations": 2, "prompts_per_iteration": 4}
    whole = online("whole", **keys)
    killed_and_resumed(online, keys, monkeypatch, whole, RolloutMaker, "sample", 2)
