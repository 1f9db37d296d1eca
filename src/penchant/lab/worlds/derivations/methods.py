"""The methods of the world of derivations."""

from __future__ import annotations

from typing import Any

from penchant.lab.worlds.derivations.world import LINES, careless_derivations, line_tokenizer, sums_with_answers
from penchant.lab.worlds.practice import Practice

__all__ = ["DERIVATIONS"]

_SMALL: dict[str, Any] = {
    "iterations": 16,
    "prompts_per_iteration": 48,
    "batch_size": 16,
    "epochs": 1,
    "schedule": "constant",
    "warmup": 0.0,
    "optimizer_state": "keep",
    "reference": "initial",
    "eval_every": 16,
}

DERIVATIONS = Practice(
    "derivations",
    sums_with_answers,
    careless_derivations,
    line_tokenizer,
    # Each arm at its best of three rates. Steps whose value is the same are not compared, since this model cannot
    # evaluate its steps.
    methods={
        "mcts-dpo": {
            **_SMALL,
            "objective": {"name": "cdpo", "beta": 0.3},
            "learning_rate": 1e-4,
            "sampler": {
                "name": "search",
                "iterations": 8,
                "root_factor": 2,
                "depth": LINES,
                "actions": 3,
                "root_actions": 3,
                "evaluation": "none",
            },
            "pairing": {"name": "siblings", "smoothing": "visits", "gap": 0.05},
        },
        "iterative-dpo": {
            **_SMALL,
            "samples_per_prompt": 6,
            "objective": {"name": "dpo", "beta": 0.3},
            "learning_rate": 2e-4,
        },
        "on-policy-distillation": {
            **_SMALL,
            "samples_per_prompt": 4,
            "learning_rate": 5e-4,
            "reference": "teacher",
            "eval": {"judge": {"name": "verifier", "rule": "number"}},
        },
    },
    keys={
        "max_new_tokens": 40,
        "eval_samples": 4,
        "engine": {"name": "transformers", "batch_size": 1024},
        "optimizer": "adamw_torch_fused",
    },
    taught=lambda: careless_derivations(wrong=0.0),
    epochs=6,
    made_by=("penchant.lab.worlds.derivations.world", "penchant.lab.worlds.sums.world"),
)
