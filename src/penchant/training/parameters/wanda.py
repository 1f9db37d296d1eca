"""`Wanda`, the mask of weights by their size and that of their inputs on what is to be forgotten."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from penchant.objectives.core.requirements import Needs
from penchant.training.parameters.sets import alone
from penchant.training.parameters.strategy import Start
from penchant.training.parameters.wagle import OfForget

__all__ = ["Wanda", "input_squares"]


class Wanda(OfForget):
    """|θ_ij| ‖x_j‖: the weights that carry most on the forget set, without a gradient (Sun et al., 2023).

    x_j is input j of a layer at all tokens of the forget set, prompts included; of an embedding ‖x‖² is how often a
    token occurs, of the output head the states that predict response tokens, of gains and biases the number of tokens,
    as if their input were 1. A weight with two uses (tied embeddings) has the sum of both squares. Wanda compares the
    weights of one output; here all weights are compared together, as by the other masks.

    Reference:
        Sun, Liu, Bair, Kolter (2023), A Simple and Effective Pruning Approach for Large Language Models,
        arXiv:2306.11695; as a baseline of WAGLE, arXiv:2410.17509.
    """

    id = "wanda"

    def scores(self, start: Start) -> dict[str, Tensor]:
        """See `Masked.scores`."""
        squares = input_squares(start)
        named = {name: each for name, each in start.model.named_parameters() if each.requires_grad}
        with torch.no_grad():
            return {name: each.abs() * squares[name].sqrt().to(each.dtype) for name, each in named.items()}


def input_squares(start: Start) -> dict[str, Tensor]:
    """‖x‖² of the inputs of every trained weight over the records to forget, each read alone.

    Args:
        start: the run.

    Returns:
        By name of the weight, a tensor that broadcasts to it.
    """
    names = {id(each): name for name, each in start.model.named_parameters() if each.requires_grad}
    found: dict[str, Tensor] = {}
    tokens = 0

    def add(weight: Tensor, squares: Tensor) -> None:
        if (name := names.get(id(weight))) is not None:
            found[name] = found[name] + squares if name in found else squares

    head = start.scorer.core.get_output_embeddings()
    with _inputs(start.scorer.core, head, add), torch.no_grad():
        for example, views in alone(start, "forget", Needs(hidden=True)):
            tokens += example.size
            for view in views:
                if head is not None:
                    add(head.weight, view.states[view.mask].float().square().sum(0)[None])
    weights = dict(start.model.named_parameters())
    return {name: found.get(name, weights[name].new_tensor(float(tokens))) for name in names.values()}


@contextlib.contextmanager
def _inputs(core: nn.Module, head: nn.Module | None, add: Any) -> Iterator[None]:
    """Call ``add`` with the weight of every linear layer and embedding, and the squares of its inputs."""

    def hook(module: Any, inputs: Any, output: Any) -> None:
        given = inputs[0].detach()
        if isinstance(module, nn.Embedding):
            add(module.weight, torch.bincount(given.flatten(), minlength=module.num_embeddings).float()[:, None])
            return
        squares = given.float().flatten(0, -2).square().sum(0)
        add(module.weight, squares[:, None] if isinstance(module, Conv1D) else squares[None])

    kinds = (nn.Linear, nn.Embedding, Conv1D)
    parts = [each for each in core.modules() if isinstance(each, kinds) and each is not head]
    handles = [each.register_forward_hook(hook) for each in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
