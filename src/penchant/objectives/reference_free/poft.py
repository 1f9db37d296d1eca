"""PoFT: supervised fine-tuning as a preference of the model over aligned models, by their likelihoods."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["PoFT"]


class PoFT(Objective):
    """Preference-oriented supervised fine-tuning, PoFT (Fan et al., 2024), as in its published code.

    loss = −log σ(β (A − m) + γ),   A = mean log π(y|x),   m = mean_j A_j(y|x)

    A_j is the mean log-probability per token (nats) of the same response under aligned model j, with its own tokenizer:
    the record field ``chosen_sources``, a list with one number for each model, which `penchant data build sources`
    writes. The gradient is that of supervised fine-tuning times σ(m − A): responses that the aligned models find likely
    count more, noise counts less. The completion of a demonstration is its chosen response.

    Raises:
        ConfigurationError: the field is not a list of numbers per response.

    Example:
        >>> import torch
        >>> view = Scored(torch.tensor([[-1.0, -3.0]]), None, torch.ones(1, 2, dtype=torch.bool))
        >>> PoFT()(chosen=view, chosen_sources=torch.tensor([[-1.0, -3.0]])).values
        tensor([0.6931])

    Reference:
        Fan, Wang, Ren, Chen, Liu, Zhang (2024), Preference-Oriented Supervised Fine-Tuning: Favoring Target Model Over
        Aligned Large Language Models.
    """

    id = "poft"
    paper = "arXiv:2412.12865"
    evidence = OFFICIAL_CODE
    tags = ("supervised", "likelihood", "normalized")

    beta: Annotated[float, Gt(0), "slope of the loss, per nat and token"] = 1.0
    gamma: Annotated[float, "added to the lead over the aligned models"] = 0.0

    def loss(self, chosen: Scored, chosen_sources: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per response, [B], and the weight σ(m − A) of its likelihood."""
        if chosen_sources.dim() != 2 or chosen_sources.shape[1] == 0:
            raise ConfigurationError(
                f"The field 'chosen_sources' has shape {list(chosen_sources.shape)}, expected [examples, models].",
                where=f"objective {self.id}",
                fix="Give every record a list with one number per aligned model: `penchant data build sources`.",
            )
        lead = self.beta * (chosen.mean_logp - chosen_sources.mean(-1)) + self.gamma
        return logistic(lead), {"weight": (-lead).sigmoid()}
