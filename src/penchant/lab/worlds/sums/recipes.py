"""What each online recipe is told in the world of sums, and what it learns from beside the prompts."""

from __future__ import annotations

from typing import Any

__all__ = ["METHODS", "RECORDS", "REVISING", "TAUGHT"]

#: For objectives that one step a round and short rounds suit.
_STEPS: dict[str, Any] = {"iterations": 80, "prompts_per_iteration": 64, "batch_size": 64, "learning_rate": 1e-3}
#: For rounds over all training sums.
_ROUNDS: dict[str, Any] = {
    "iterations": 12,
    "prompts_per_iteration": 280,
    "batch_size": 32,
    "epochs": 1,
    "learning_rate": 1e-3,
    "schedule": "linear",
    "optimizer_state": "fresh",
}
#: With a likelihood term for the chosen response (Pang et al., 2024, arXiv:2404.19733): DPO alone lowers both responses
#: of a pair, which does more harm than good if right answers are only a few characters long.
_DPO: dict[str, Any] = {"name": "dpo+nll", "beta": 0.3}
#: Where the judge of the rounds is not the verifier.
_VERIFIED: dict[str, Any] = {"eval": {"judge": {"name": "verifier", "rule": "number"}}}

#: The settings of each method in addition to its recipe: a small model needs larger steps and short rounds.
METHODS: dict[str, dict[str, Any]] = {
    **{name: _STEPS for name in ("grpo", "dapo", "opo", "pass-at-k", "spo-minimax", "spo-minimax-queue")},
    "gspo": {
        "objective": {"epsilon_low": 0.05, "epsilon_high": 0.05},
        "iterations": 40,
        "batch_size": 32,
        "learning_rate": 1e-3,
    },
    "rloo": {"iterations": 80, "samples_per_prompt": 8, "learning_rate": 1e-3},
    "ppo": {"iterations": 40, "samples_per_prompt": 8, "epochs": 2, "learning_rate": 1e-3},
    "dr-po": {"iterations": 40, "samples_per_prompt": 8, "epochs": 2, "learning_rate": 1e-3, "temperature": 1.0},
    "reinforce-pp": {"iterations": 80, "samples_per_prompt": 8, "learning_rate": 1e-3},
    "reinforce-pp-baseline": {"iterations": 80, "learning_rate": 1e-3},
    "remax": {"iterations": 80, "samples_per_prompt": 8, "learning_rate": 1e-3},
    "nft": {
        "objective": {"token_normalizer": 2.0},
        "iterations": 80,
        "samples_per_prompt": 8,
        "batch_size": 512,
        "learning_rate": 1e-3,
    },
    "multi-objective-grpo": {
        **_STEPS,
        "judge": [
            {"name": "verifier", "rule": "number", "label": "right"},
            {"name": "closeness", "label": "near", "weight": 0.5},
        ],
        **_VERIFIED,
    },
    # Of the group, differences between wrong answers would count as much as those between right and wrong ones.
    "dr-irl": {**_STEPS, "learning_rate": 5e-4, "pairing": {"name": "by_difficulty", "scale": "batch"}, **_VERIFIED},
    "nash-md": {**_STEPS, "samples_per_prompt": 8, "temperature": 1.0},
    "on-policy-distillation": {**_STEPS, "samples_per_prompt": 4, **_VERIFIED},
    "pu-distill": {**_STEPS, "judge": {"name": "closeness"}, **_VERIFIED},
    "iterative-dpo": {**_ROUNDS, "objective": _DPO, "iterations": 16, "optimizer_state": "fresh"},
    "apo-nesterov": {**_ROUNDS, "objective": _DPO},
    "online-dpo": {**_ROUNDS, "objective": _DPO, "samples_per_prompt": 2, "iterations": 24},
    "dno-prct": {**_ROUNDS, "objective": _DPO, "pairing": {"margin": 0.5, "floor": 1.0}},
    "pu-distill-pairs": {**_ROUNDS, "objective": _DPO, "judge": {"name": "closeness"}, **_VERIFIED},
    "hypo": {**_ROUNDS, "objective": {"beta": 0.3, "weight": 0.01}, "learning_rate": 3e-4, **_VERIFIED},
    "spin": {**_ROUNDS, "iterations": 4, "learning_rate": 3e-4, "optimizer": "adamw_torch_fused", **_VERIFIED},
    # More rounds take back what these gain: the complaints are about answers of the model at the start.
    "drift": {
        **_ROUNDS,
        "iterations": 5,
        "learning_rate": 1e-4,
        "objective": _DPO,
        "asking": {"instruction": "!"},
        **_VERIFIED,
    },
    "inpo": {**_ROUNDS, "objective": {"eta": 0.5}},
    "dno": {**_ROUNDS, "objective": {"eta": 0.5}, "learning_rate": 3e-4},
    "egpo": {**_STEPS, "optimizer_state": "keep"},
    "xpo": {**_ROUNDS, "objective": {"beta": 0.3, "alpha": 1e-4}, "learning_rate": 3e-4},
    "rebel": {**_ROUNDS, "objective": {"eta": 1.0}, "learning_rate": 3e-4},
    "self-rewarding": {**_ROUNDS, "iterations": 4, "objective": _DPO, "learning_rate": 3e-4, **_VERIFIED},
    "cream": {**_ROUNDS, "iterations": 4, "learning_rate": 3e-4, **_VERIFIED},
    "selfie": {**_ROUNDS, "iterations": 4, "learning_rate": 3e-4, **_VERIFIED},
    "curated-retraining": {**_ROUNDS, "pairing": {"temperature": 0.2}, "schedule": "constant"},
    "rejection-sampling": {
        "iterations": 6,
        "prompts_per_iteration": 280,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "pairing": {"name": "above", "threshold": 1.0},
    },
    "sppo": {
        "iterations": 8,
        "prompts_per_iteration": 280,
        "batch_size": 32,
        "learning_rate": 3e-4,
        "objective": {"beta": 0.1},
        "optimizer": "adamw_torch_fused",
    },
}

#: Methods that learn from more than prompts, and from which records: `penchant.lab.worlds.sums.records.KINDS`.
RECORDS: dict[str, str] = {
    "spin": "demonstrations",
    "dr-po": "demonstrations",
    "hypo": "pairs",
    "drift": "complaints",
    "dno-prct": "taught",
    "pu-distill": "taught",
    "pu-distill-pairs": "taught",
    "dr-irl": "by-category",
}
#: Methods that read the stronger model itself.
TAUGHT = frozenset({"on-policy-distillation"})
#: Methods whose start model has learned to think again when it is told that an answer is wrong.
REVISING = frozenset({"drift"})
