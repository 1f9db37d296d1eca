"""`StateHeads`: a language model below the trained parts of an objective that transformers has no place for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from penchant.forest.build import build_forest
from penchant.forest.layout import TokenSequence
from penchant.likelihood.core import device_of
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.objectives.core.objective import Objective

__all__ = ["StateHeads"]


class StateHeads:
    """What an objective reads from the hidden states at the last token of each response.

    Args:
        model: the language model, in evaluation mode, on its device.
        objective: with its trained parts, on the CPU.
    """

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        self.scorer = ForestScorer(model)
        self.objective = objective

    @torch.no_grad()
    def __call__(self, rows: Sequence[Sequence[int]], owners: Sequence[int], starts: Sequence[int]) -> Tensor:
        """The outputs [R, n] of R responses, in one forward pass.

        Args:
            rows: [R] the token ids of prompt and response.
            owners: [R] which responses belong to one prompt.
            starts: [R] how many of the token ids are the prompt's, at least 1.
        """
        sequences = [
            TokenSequence(list(row[:start]), list(row[start:])) for row, start in zip(rows, starts, strict=True)
        ]
        forest = build_forest(sequences, list(owners)).to(device_of(self.scorer.core))
        states: Tensor = self.scorer.score(forest, ends=True, likelihood=False)["ends"]
        return self.objective.read_out(states[:, 1].float().cpu())
