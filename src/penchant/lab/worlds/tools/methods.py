"""The methods of the world of tools."""

from __future__ import annotations

from typing import Any

from penchant.lab.worlds.practice import Practice
from penchant.lab.worlds.tools.world import careless_calls, requests, tool_tokenizer

__all__ = ["TOOLS"]

_SMALL: dict[str, Any] = {
    "iterations": 3,
    "prompts_per_iteration": 200,
    "batch_size": 16,
    "learning_rate": 3e-4,
    "eval_every": 3,
}

TOOLS = Practice(
    "tools",
    requests,
    careless_calls,
    tool_tokenizer,
    methods={
        "itool": {
            **_SMALL,
            "learning_rate": 1e-4,
            "temperature": 1.0,
            # A call has up to nine fragments, and each is a step of its own: what a step ends in is compared by itself.
            # A model of this size cannot grade, and is not asked to.
            "sampler": {
                "name": "fragments",
                "actions": 3,
                "iterations": 20,
                "depth": 10,
                "step_tokens": 8,
                "grades": False,
                "hardest": 0.6,
            },
        },
        "grpo": {"iterations": 12, "prompts_per_iteration": 64, "batch_size": 64, "learning_rate": 3e-4},
        "rejection-sampling": {
            **_SMALL,
            "samples_per_prompt": 8,
            "pairing": {"name": "above", "threshold": 1.0},
        },
        "on-policy-distillation": {
            **_SMALL,
            "samples_per_prompt": 4,
            "judge": {"name": "none"},
            "eval": {"judge": {"name": "verifier", "rule": "exact"}},
        },
    },
    keys={
        "judge": {"name": "verifier", "rule": "exact"},
        "max_new_tokens": 24,
        "eval_samples": 2,
        "engine": {"name": "transformers", "batch_size": 1024},
        "optimizer": "adamw_torch_fused",
    },
    made_by=("penchant.lab.worlds.tools.world", "penchant.lab.worlds.sums.world"),
    taught=lambda: careless_calls(careless=False),
    epochs=6,
)
