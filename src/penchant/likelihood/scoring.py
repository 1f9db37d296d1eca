"""Scoring batches: from a forest to the `Scored` views that objectives see."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from penchant.forest.batching import plan_batches
from penchant.forest.build import build_forest, by_prompt
from penchant.forest.collate import Batch
from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.gradient_norms import gradient_norms
from penchant.likelihood.references import Reference
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["score_batch", "sequence_logps"]


def score_batch(
    scorer: CausalScorer, batch: Batch, reference: Reference, needs: Needs, module: nn.Module | None = None
) -> dict[str, Scored]:
    """Every view of a batch, scored by the policy (with gradient) and the reference (without) in one pass each.

    Args:
        scorer: the policy.
        batch: the examples, on the policy's device.
        reference: the reference.
        needs: what the objective asks for beside the policy's log-probabilities.
        module: the wrapped policy (DDP, FSDP) to call through.

    Returns:
        A `Scored` for each view; row r of it belongs to example ``group[r]`` of the batch.
    """
    held, rows = (None, None)
    referenced, numbers = _referenced(batch, needs)
    if needs.reference or "kl" in needs.stats:
        held, rows = reference.score(referenced, whole="kl" in needs.stats)
    wants_gradient = torch.is_grad_enabled()
    with torch.set_grad_enabled(wants_gradient or needs.gradient_norms):
        flat = scorer.score(batch.forest, needs.stats, rows, module, needs.hidden)
    logps, hidden = flat.pop("logps"), flat.pop("hidden", None)
    views = {}
    for name, own in batch.rows.items():
        spread = _Spread(batch.forest, own)
        beside = None
        if held is not None and needs.reference_of(name):
            beside = _Spread(referenced, own if numbers is None else numbers[own])(held)
        stats = {stat: spread(values) for stat, values in flat.items()}
        states = None if hidden is None else spread(hidden)
        fields = {}
        if needs.gradient_norms:
            with torch.enable_grad():
                fields["gradient_norm"] = gradient_norms(spread(logps).sum(-1), scorer.model.parameters())
        policy = spread(logps if wants_gradient else logps.detach())
        views[name] = Scored(policy, beside, spread.mask, stats, batch.group[name], fields, hidden=states)
    return views


class _Spread:
    """Values of a forest's targets laid out by response, for some of its rows."""

    def __init__(self, forest: Forest, rows: Tensor) -> None:
        mask = forest.mask[rows]
        longest = int(mask.sum(-1).max())
        self.mask, self.place = mask[:, :longest], forest.target_of[rows][:, :longest]

    def __call__(self, flat: Tensor) -> Tensor:
        values = flat[self.place]
        mask = self.mask if values.dim() == 2 else self.mask.unsqueeze(-1)
        return torch.where(mask, values, flat.new_zeros(()))


def _referenced(batch: Batch, needs: Needs) -> tuple[Forest, Tensor | None]:
    """What the reference scores: the batch's forest, or the part of it that it is asked about.

    With a part comes, for each row of the batch, its row in the part.
    """
    spared = [name for name in batch.rows if not needs.reference_of(name)]
    if not needs.reference or not spared or "kl" in needs.stats:
        return batch.forest, None
    asked = [name for name in batch.rows if name not in spared]
    rows = torch.cat([batch.rows[name] for name in asked])
    owners = torch.cat([batch.group[name] for name in asked]).tolist()
    forest = build_forest([batch.forest.sequences[row] for row in rows.tolist()], owners)
    numbers = torch.zeros(len(batch.forest.sequences), dtype=torch.long, device=rows.device)
    numbers[rows] = torch.arange(len(rows), device=rows.device)
    return forest.to(batch.forest.token_ids.device), numbers


def sequence_logps(
    model: nn.Module | CausalScorer,
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    *,
    batch_size: int = 64,
) -> list[float]:
    """Log-probability of each response given its prompt, summed over its tokens, nats.

    Args:
        model: a causal language model, or a scorer of one.
        prompts: R prompts as token ids, none empty.
        responses: R responses as token ids.
        batch_size: responses a forward pass.

    Returns:
        R numbers, in order.
    """
    if not prompts and not responses:
        return []
    scorer = model if isinstance(model, CausalScorer) else CausalScorer(model)
    sequences = [TokenSequence(prompt, response) for prompt, response in zip(prompts, responses, strict=True)]
    totals = [0.0] * len(sequences)
    plan = plan_batches([1] * len(sequences), batch_size=batch_size, shuffle=False)
    try:
        for step in plan.steps:
            members = [sequences[row] for row in step]
            forest = build_forest(members, by_prompt(members))
            for row, value in zip(step, _totals(scorer, forest), strict=True):
                totals[row] = value
    finally:
        if scorer is not model:
            scorer.close()
    return totals


def _totals(scorer: CausalScorer, forest: Forest) -> list[float]:
    forest = forest.to(next(scorer.core.parameters()).device)
    with torch.no_grad():
        logps = scorer.score(forest)["logps"]
    return forest.per_response(logps).double().sum(-1).tolist()
