"""Gradients of a model's log-probabilities: entanglement of pairs, and cosines of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from penchant.diagnostics.entanglement import Entanglement, pulls
from penchant.errors import ModelError
from penchant.forest.layout import TokenSequence
from penchant.likelihood.forest_scorer import ForestScorer, scorer_of
from penchant.likelihood.logps import token_logps

__all__ = ["Pair", "pair_entanglement", "token_agreement", "token_cosines"]

#: Chosen and rejected, as tokens.
Pair = tuple[TokenSequence, TokenSequence]


def pair_entanglement(
    model: nn.Module | ForestScorer,
    pairs: Sequence[Pair],
    *,
    form: str = "sum",
    lambda_: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Entanglement:
    """Gradient entanglement of pairs under a model (Yuan et al., 2024).

    a_w = ∇_θ log π(y_w|x),  a_l = ∇_θ log π(y_l|x),   over all trainable parameters: those of the adapter if
    there is one

    One pair at a time: at most two gradients are in memory, and three numbers per pair are kept.

    Args:
        model: a causal language model, or a scorer of one.
        pairs: B pairs of token sequences, the chosen one first.
        form: of the loss, for its pulls (see `penchant.diagnostics.entanglement.pulls`).
        lambda_: its λ.
        progress: called with the number of pairs done and the total.

    Raises:
        ModelError: the model has no trainable parameter.
    """
    rows: list[list[float]] = []
    with _trainable(model) as scorer:
        for done, pair in enumerate(pairs, start=1):
            totals = _token_logps(scorer, pair).sum(-1)
            chosen, rejected = (_gradient(scorer, total, keep=at == 0) for at, total in enumerate(totals))
            rows.append([_product(chosen, rejected), _product(chosen, chosen), _product(rejected, rejected)])
            if progress is not None:
                progress(done, len(pairs))
    return _entangled(torch.tensor(rows, dtype=torch.float64).reshape(-1, 3), pairs, form, lambda_)


def _entangled(products: Tensor, pairs: Sequence[Pair], form: str, lambda_: float) -> Entanglement:
    """Entanglement from the products of each pair's gradients, float64 [B, 3], and the pulls of a loss."""
    inner, chosen_square, rejected_square = products.unbind(-1)
    lengths = torch.tensor([[each.length for each in pair] for pair in pairs]).to(inner)
    pulled = pulls(form, lengths[:, 0], lengths[:, 1], lambda_)
    weights = [torch.as_tensor(pull).to(inner).expand_as(inner) for pull in pulled]
    return Entanglement(inner, chosen_square, rejected_square, *weights)


def token_cosines(model: nn.Module | ForestScorer, pair: Pair) -> Tensor:
    """Cosines between the gradients of the single tokens of a pair's two responses.

    c[s, t] = cos(∇_θ log π(y_w,s | x, y_w,<s), ∇_θ log π(y_l,t | x, y_l,<t))

    Positive if two tokens pull the model in the same direction (equal tokens), negative if raising one lowers the
    other. It needs a backward pass per token and keeps the gradients of the rejected response's tokens, so use it only
    for short responses.

    Args:
        model: a causal language model, or a scorer of one.
        pair: chosen and rejected sequence.

    Returns:
        [T_w, T_l], in [−1, 1].

    Raises:
        ModelError: the model has no trainable parameter.
    """
    lengths = [each.length for each in pair]
    with _trainable(model) as scorer:
        chosen, rejected = (values[:length] for values, length in zip(_token_logps(scorer, pair), lengths, strict=True))
        others = [_gradient(scorer, value, keep=True) for value in rejected]
        sizes = [_product(each, each) ** 0.5 for each in others]
        rows = []
        for value in chosen:
            own = _gradient(scorer, value, keep=True)
            size = _product(own, own) ** 0.5
            rows.append(
                [_product(own, each) / max(size * other, 1e-300) for each, other in zip(others, sizes, strict=True)]
            )
    return torch.tensor(rows, dtype=torch.float64)


def token_agreement(model: nn.Module | ForestScorer, pairs: Sequence[Pair]) -> dict[str, float]:
    """Mean cosine between gradients of tokens of two responses, for equal and for different token ids.

    Args:
        model: a causal language model, or a scorer of one.
        pairs: chosen and rejected sequences; short (see `token_cosines`).

    Returns:
        ``cosine_equal`` and ``cosine_different``, each if there are such tokens.
    """
    found: dict[str, list[Tensor]] = {"cosine_equal": [], "cosine_different": []}
    for pair in pairs:
        cosines = token_cosines(model, pair)
        chosen, rejected = (torch.tensor(each.learned_ids) for each in pair)
        equal = chosen[:, None] == rejected[None, :]
        found["cosine_equal"].append(cosines[equal])
        found["cosine_different"].append(cosines[~equal])
    joined = {name: torch.cat(values) for name, values in found.items() if values}
    return {name: float(values.mean()) for name, values in joined.items() if values.numel()}


@contextmanager
def _trainable(model: nn.Module | ForestScorer) -> Iterator[ForestScorer]:
    with scorer_of(model) as scorer:
        if not _trained(scorer):
            raise ModelError("The model has no trainable parameter, so there is no gradient.")
        yield scorer


def _trained(scorer: ForestScorer) -> list[nn.Parameter]:
    return [each for each in scorer.model.parameters() if each.requires_grad]


def _token_logps(scorer: ForestScorer, pair: Pair) -> Tensor:
    """[2, T] log-probabilities with their graph, 0 beyond each response."""
    return token_logps(scorer, pair, groups=(0, 0))


def _gradient(scorer: ForestScorer, value: Tensor, *, keep: bool) -> list[Tensor | None]:
    return list(torch.autograd.grad(value, _trained(scorer), retain_graph=keep, allow_unused=True))


def _product(one: list[Tensor | None], other: list[Tensor | None]) -> float:
    """Inner product over all parameters; a parameter without gradient in one of them adds nothing."""
    both = [(left, right) for left, right in zip(one, other, strict=True) if left is not None and right is not None]
    return sum(float((left.double() * right.double()).sum()) for left, right in both)
