"""`batch_metrics`: metrics of every view, of the shape of the feedback, and of the objective."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.evaluation.shapes.pair import compared
from penchant.evaluation.shapes.shape import SHAPES, Measured
from penchant.evaluation.tally import ROUNDING, Reduce, Tally, win
from penchant.feedback.views.view import find_view
from penchant.forest.collate import AnyBatch
from penchant.objectives.core.objective import Losses, Objective
from penchant.objectives.core.scored import Scored

__all__ = ["ROUNDING", "Reduce", "Tally", "batch_metrics", "compared", "win"]


def batch_metrics(
    tally: Tally, objective: Objective, views: Mapping[str, Scored], losses: Losses, batch: AnyBatch
) -> None:
    """Add the metrics of a batch.

    Per view: ``logps/VIEW`` (nats per response), ``lengths/VIEW`` (tokens), ``rewards/VIEW`` (implicit reward). ``kl``:
    per response ½ Σ_t (log π − log π_ref)², nats: an estimate of the divergence from the reference that is never
    negative and has no heavy tail, though the tokens are the data's and not the policy's own (Schulman, "Approximating
    KL Divergence", estimator k2). Then the metrics of each shape that the views have (`penchant.evaluation.shapes`),
    and the objective's own statistics by their names. Views of the step have none: their responses answer other
    prompts.
    """
    counted = (batch.weights > 0).float()
    tally.add("example_loss", losses.values, counted)
    own = {name: scored for name, scored in views.items() if find_view(name).crossed is None}
    for name, scored in own.items():
        rows = counted[scored.group]
        if scored.likelihood:
            tally.add(f"logps/{name}", scored.logp, rows)
        tally.add(f"lengths/{name}", scored.length.float(), rows)
        if scored.reference is not None:
            tally.add("kl", 0.5 * scored.token_logratio.detach().square().sum(-1), rows)
        rewards = objective.rewards(scored)
        tally.add(f"rewards/{name}", *((counted[:0],) if rewards is None else (rewards, rows)))
    # Processes sum their tables row by row: another process may have records with an optional view missing here.
    for name in objective.requirements.views:
        if name not in views and find_view(name).crossed is None:
            for quantity in ("logps", "lengths", "rewards")[not objective.requirements.needs.scores :]:
                tally.add(f"{quantity}/{name}", counted[:0])
    measured = Measured(tally, objective, own, batch.fields, counted)
    for shape in dict.fromkeys(shape for name in own for shape in find_view(name).shapes):
        SHAPES.get(shape)(measured)
    for name, values in losses.statistics.items():
        tally.add(name, values, counted if values.shape == counted.shape else None)
