"""`PolicyAnswerer`: the policy in training as what a judge or a simulator asks."""

from __future__ import annotations

from typing import Any

from penchant.rendering.renderer import Renderer
from penchant.rewards.local_answerer import LocalAnswerer

__all__ = ["PolicyAnswerer"]


class PolicyAnswerer(LocalAnswerer):
    """Asks the policy with the weights that it has now; its likelihoods are those at temperature 1.

    Args:
        scorer: the policy.
        renderer: turns texts into tokens, as in training.
        settings: as for `LocalAnswerer`.
    """

    def __init__(self, scorer: Any, renderer: Renderer, **settings: Any) -> None:
        training = scorer.model.training
        super().__init__(scorer.model, renderer.tokenizer, **settings)
        scorer.model.train(training)
        self.renderer = renderer

    @classmethod
    def by(cls, asker: Any, scorer: Any, renderer: Renderer, **more: Any) -> PolicyAnswerer:
        """The policy as asked by a judge or simulator, whose settings say how.

        Args:
            asker: has ``max_new_tokens``, ``temperature`` and ``batch_size``.
            scorer: the policy.
            renderer: turns texts into tokens, as in training.
            more: further settings.
        """
        settings = {name: getattr(asker, name) for name in ("max_new_tokens", "temperature", "batch_size")}
        return cls(scorer, renderer, **settings, **more)

    def to(self, device: Any) -> None:
        """See `LocalAnswerer.to`: the policy stays where it is trained."""
