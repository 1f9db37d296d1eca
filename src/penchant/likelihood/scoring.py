"""`score_batch`, which turns a batch into the `Scored` views of an objective."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from penchant.forest.build import build_forest
from penchant.forest.collate import Batch
from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.head import REFERENCE_LOGPS
from penchant.likelihood.hook import activation_key
from penchant.likelihood.inside.gradient_norms import gradient_norms
from penchant.likelihood.inside.reading import Reading
from penchant.likelihood.inside.residual import Residual, prediction
from penchant.likelihood.references.reference import Reference, ReferenceScores
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["score_batch"]


def score_batch(
    scorer: ForestScorer,
    batch: Batch,
    reference: Reference[Forest, TokenSequence],
    needs: Needs,
    module: nn.Module | None = None,
) -> dict[str, Scored]:
    """Score every view of a batch with the policy (with gradient) and the reference (without), in one pass each.

    Args:
        scorer: the policy.
        batch: the examples, on the policy's device.
        reference: the reference.
        needs: what the objective needs in addition to the policy's log-probabilities.
        module: the wrapped policy (DDP, FSDP) to call; the policy itself by default.

    Returns:
        For each view, a `Scored`; its row r belongs to example ``group[r]`` of the batch.
    """
    held = _Held(batch, reference, needs)
    flat = _passes(scorer, batch, held, module)
    held.complete(flat)
    hidden, ends = flat.pop("hidden", None), flat.pop("ends", None)
    # Without log-probabilities, zeros stand in their place; `Scored` refuses to read them.
    if needs.scores:
        logps = flat.pop("logps")
    else:
        logps = torch.zeros((), device=batch.forest.token_ids.device).expand(len(batch.forest.targets))
    inside = {name: flat.pop(activation_key(name)) for name in needs.layers}
    views = {}
    for name, own in batch.rows.items():
        spread = _Spread(batch.forest, own)
        norms = _norms(spread, logps, scorer.model) if needs.gradient_norms else {}
        views[name] = Scored(
            policy=spread(logps if torch.is_grad_enabled() else logps.detach()),
            reference=held.view(name, own),
            mask=spread.mask,
            stats={stat: spread(values) for stat, values in flat.items()} if needs.stats_in(name) else {},
            group=batch.group[name],
            fields=norms,
            hidden=None if hidden is None else spread(hidden),
            ends=None if ends is None else ends[own],
            likelihood=needs.scores,
            activations={layer: spread(values) for layer, values in inside.items()},
            reference_activations=held.activations(name, own),
            checkpoints=held.checkpoints(name, own),
        )
    return views


def _passes(scorer: ForestScorer, batch: Batch, held: _Held, module: nn.Module | None) -> dict[str, Tensor]:
    """What the policy's pass gives, with the log-probabilities of the second pass if there is one."""
    needs, forest, mixing = held.needs, batch.forest, held.needs.residual
    mixed = None if mixing is None or mixing.never else prediction(mixing, batch.step)
    stats = needs.stats if mixed is None else needs.stats | {mixed}
    trains = torch.is_grad_enabled() and (needs.trains_first_pass or (mixing is not None and mixing.never))
    with torch.set_grad_enabled(trains or needs.gradient_norms):
        rows = held.scores and held.scores.rows
        inside = (needs.hidden, sorted(needs.layers), needs.ends, needs.scores)
        flat = scorer.score(forest, stats, rows, module, *inside, reading=_reading(batch, needs))
    if mixing is None:
        return flat
    if mixed is None:  # the second pass is the first
        return flat | {"residual_logp": flat["logps"]}
    residual = Residual(flat.pop(str(mixed)).long(), mixing.share_at(batch.step))
    second = scorer.score(forest, module=module, residual=residual)
    return flat | {"residual_logp": second["logps"]}


def _reading(batch: Batch, needs: Needs) -> Reading | None:
    """Which statistics of the forest's tokens are read, and in which of them a gradient is foreseen."""
    if not needs.stats or needs.residual is not None:
        return None
    measured = [name for name in batch.rows if needs.stats_in(name)]
    moved = [name for name in measured if name not in needs.stats_fixed]
    return Reading(_tokens_of(batch, measured), _tokens_of(batch, moved), needs.stats_cancel)


def _tokens_of(batch: Batch, views: list[str]) -> Tensor | None:
    """[K] the tokens that stand in a response of some views; None if these are all views."""
    if len(views) == len(batch.rows):
        return None
    forest = batch.forest
    found = torch.zeros(len(forest.targets), dtype=torch.bool, device=forest.targets.device)
    for rows in (batch.rows[name] for name in views):
        found[forest.target_of[rows][forest.mask[rows]]] = True
    return found


def _norms(spread: _Spread, logps: Tensor, model: nn.Module) -> dict[str, Tensor]:
    with torch.enable_grad():
        return {"gradient_norm": gradient_norms(spread(logps).sum(-1), model.parameters())}


class _Spread:
    """Maps values of a forest's targets to the response tokens of some of its rows."""

    def __init__(self, forest: Forest, rows: Tensor) -> None:
        mask = forest.mask[rows]
        longest = int(mask.sum(-1).max())
        self.mask, self.place = mask[:, :longest], forest.target_of[rows][:, :longest]

    def __call__(self, flat: Tensor) -> Tensor:
        values = flat[self.place]
        mask = self.mask.reshape(*self.mask.shape, *[1] * (values.dim() - 2))
        return torch.where(mask, values, flat.new_zeros(()))


class _Held:
    """The reference's scores of a batch, limited to the views for which the objective needs them."""

    def __init__(self, batch: Batch, reference: Reference[Forest, TokenSequence], needs: Needs) -> None:
        self.needs = needs
        self.forest, self.numbers = _referenced(batch, needs)
        self.scores: ReferenceScores | None = None
        if needs.reference or needs.compares:
            layers = sorted(needs.layers | needs.reference_states) if needs.reference else []
            self.scores = reference.score(self.forest, whole=needs.compares, layers=layers)
        self.others = {each: self._under(reference, each) for each in sorted(needs.checkpoints)}

    def _under(self, reference: Reference[Forest, TokenSequence], name: str) -> Tensor:
        """The log-probabilities under another checkpoint; where that is the reference, they are computed once."""
        other = reference.checkpoint(name)
        return self.scores.logps if other is reference and self.scores else other.score(self.forest).logps

    def complete(self, flat: dict[str, Tensor]) -> None:
        """Take the reference's log-probabilities from the policy's pass, if its distributions were computed there."""
        if self.scores is not None and REFERENCE_LOGPS in flat:
            self.scores = self.scores._replace(logps=flat.pop(REFERENCE_LOGPS))

    def view(self, name: str, rows: Tensor) -> Tensor | None:
        """The reference's log-probabilities of a view, None if the objective does not need them."""
        if self.scores is None or not self.needs.reference_of(name):
            return None
        return self._spread(rows)(self.scores.logps)

    def checkpoints(self, name: str, rows: Tensor) -> dict[str, Tensor]:
        """The log-probabilities of a view under other checkpoints."""
        if not self.others or name in self.needs.unreferenced:
            return {}
        spread = self._spread(rows)
        return {each: spread(logps) for each, logps in self.others.items()}

    def activations(self, name: str, rows: Tensor) -> dict[str, Tensor]:
        """The reference's activations of a view."""
        if self.scores is None or not self.needs.reference_of(name):
            return {}
        spread = self._spread(rows)
        return {layer: spread(values) for layer, values in self.scores.activations.items()}

    def _spread(self, rows: Tensor) -> _Spread:
        return _Spread(self.forest, rows if self.numbers is None else self.numbers[rows])


def _referenced(batch: Batch, needs: Needs) -> tuple[Forest, Tensor | None]:
    """The forest that the reference scores: the batch's, or one with only the views that need the reference.

    The second value maps each row of the batch to its row in that smaller forest.
    """
    spared = [name for name in batch.rows if not needs.reference_of(name)]
    if not needs.reference or not spared or needs.compares:
        return batch.forest, None
    asked = [name for name in batch.rows if name not in spared]
    rows = torch.cat([batch.rows[name] for name in asked])
    owners = torch.cat([batch.group[name] for name in asked]).tolist()
    forest = build_forest([batch.forest.sequences[row] for row in rows.tolist()], owners)
    numbers = torch.zeros(len(batch.forest.sequences), dtype=torch.long, device=rows.device)
    numbers[rows] = torch.arange(len(rows), device=rows.device)
    return forest.to(batch.forest.token_ids.device), numbers
