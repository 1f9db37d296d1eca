"""The methods of the world of derivations."""

from __future__ import annotations

from typing import Any

from penchant.lab.worlds.derivations.world import LINES, careless_derivations, line_tokenizer, sums_with_answers
from penchant.lab.worlds.practice import Practice

__all__ = ["DERIVATIONS"]

_SMALL: dict[str, Any] = {
    "iterations": 4,
    "prompts_per_iteration": 48,
    "batch_size": 16,
    "epochs": 1,
    "learning_rate": 2e-4,
    "schedule": "constant",
    "warmup": 0.0,
    "optimizer_state": "keep",
    "reference": "initial",
    "eval_every": 4,
}

DERIVATIONS = Practice(
    "derivations",
    sums_with_answers,
    careless_derivations,
    line_tokenizer,
    # The losses have a likelihood term for the chosen response, as for single sums: alone they lower both responses of
    # a pair. Steps whose value is the same are not compared, since this model cannot evaluate its steps.
    methods={
        "mcts-dpo": {
            **_SMALL,
            "objective": {"name": "cdpo+nll", "beta": 0.3},
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
        "iterative-dpo": {**_SMALL, "samples_per_prompt": 6, "objective": {"name": "dpo+nll", "beta": 0.3}},
    },
    keys={
        "max_new_tokens": 40,
        "eval_samples": 4,
        "engine": {"name": "transformers", "batch_size": 1024},
        "optimizer": "adamw_torch_fused",
    },
    epochs=6,
    made_by=("penchant.lab.worlds.derivations.world", "penchant.lab.worlds.sums.world"),
)
