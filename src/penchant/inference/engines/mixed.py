"""Engines that mix the policy with other models while decoding: mixtures, realignment, autoregressive rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.inference.companions import start_of
from penchant.inference.engines.guided import GuidedEngine
from penchant.inference.mixtures import (
    arithmetic_mixture,
    check_weights,
    geometric_mixture,
    realigned_logits,
    reward_logits,
)
from penchant.rendering.renderer import Renderer

__all__ = ["AutoregressiveRewardEngine", "MixtureEngine", "RealignmentEngine"]


class MixtureEngine(GuidedEngine):
    """Samples from a mean of the policy and other models, token by token: geometric (of logits) or arithmetic.

    geometric: log π̃(v) = Σ_i w_i log π_i(v) − log Z;   arithmetic: π̃(v) = Σ_i w_i π_i(v) / Σ_i w_i

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: the keys below.
    """

    id = "mixture"

    models: Annotated[list[str], "the other models: folders, run folders or hub ids"]
    weights: Annotated[list[float] | None, "that of the policy, then one per other model; equal by default"] = None
    mean: Annotated[Literal["geometric", "arithmetic"], "of log-probabilities, or of probabilities"] = "geometric"

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        if isinstance(settings.get("models"), str):
            settings["models"] = [settings["models"]]
        super().__init__(renderer, longest_prompt, **settings)
        count = 1 + len(self.models)
        self.all_weights = [1 / count] * count if self.weights is None else self.weights
        check_weights(self.all_weights, count, "model")
        self._mix = geometric_mixture if self.mean == "geometric" else arithmetic_mixture

    def names(self) -> list[tuple[str, str]]:
        """The other models."""
        return [(name, "models") for name in self.models]

    def combine(self, own: Tensor, others: Sequence[Tensor]) -> Tensor:
        """See `geometric_mixture` and `arithmetic_mixture` of `penchant.inference.mixtures`."""
        return self._mix([own, *others], self.all_weights)


class RealignmentEngine(GuidedEngine):
    """Samples with more or less of the policy's tuning than it has (decoding-time realignment, DeRa).

    l(v) = (1 − λ) l_ref(v) + λ l(v): 0 is the reference, 1 the policy, more than 1 goes beyond it.

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: the keys below.

    Reference:
        Liu et al. (2024), Decoding-time Realignment of Language Models, arXiv:2402.02992.
    """

    id = "realignment"

    reference: Annotated[str | None, "the model that the policy was tuned from; default: what its run started from"] = (
        None
    )
    strength: Annotated[float, Ge(0), "λ: 0 for the reference, 1 for the policy"] = 1.0

    def names(self) -> list[tuple[str, str]]:
        """The reference.

        Raises:
            ConfigurationError: it is not given, and the policy is not that of a run.
        """
        policy = str(getattr(self.model, "name_or_path", ""))
        found = self.reference or start_of([policy])
        if found is None:
            raise ConfigurationError(
                f"The model that {policy or 'the policy'} was tuned from is not known.",
                where="engine.reference",
                why="Realignment changes how much of the tuning is used.",
                fix="Give engine.reference=FOLDER, or the folder of a run as the model.",
            )
        return [(found, "reference")]

    def combine(self, own: Tensor, others: Sequence[Tensor]) -> Tensor:
        """See `penchant.inference.mixtures.realigned_logits`."""
        return realigned_logits(others[0], own, self.strength)


class AutoregressiveRewardEngine(GuidedEngine):
    """Samples from the policy guided by token rewards, the log-probabilities of another language model (GenARM).

    log π̃(v) = log π(v) + (1 / β) log π_r(v) − log Z

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: the keys below.

    Reference:
        Xu et al. (2025), GenARM: Reward Guided Generation with Autoregressive Reward Model, arXiv:2410.08193.
    """

    id = "autoregressive-reward"

    reward_model: Annotated[str, "language model whose log-probabilities are the token rewards"]
    beta: Annotated[float, Gt(0), "strength of the policy against the reward"] = 1.0

    def names(self) -> list[tuple[str, str]]:
        """The reward model."""
        return [(self.reward_model, "reward_model")]

    def combine(self, own: Tensor, others: Sequence[Tensor]) -> Tensor:
        """See `penchant.inference.mixtures.reward_logits`."""
        return reward_logits(own, others[0], self.beta)
