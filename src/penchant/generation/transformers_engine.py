"""`TransformersEngine`, which samples from a transformers model in this process."""

from __future__ import annotations

from penchant.generation.in_process import InProcessEngine

__all__ = ["TransformersEngine"]


class TransformersEngine(InProcessEngine):
    """Samples from a model in memory, possibly the one in training; all samples of a prompt share one prefill.

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: ``batch_size`` and ``options``.
    """

    id = "transformers"
