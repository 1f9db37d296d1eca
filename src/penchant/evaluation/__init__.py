"""Evaluation of a policy: held-out metrics, scores of files, samples, reports."""

from penchant.evaluation.heldout import HeldOut, measure
from penchant.evaluation.metrics import Tally, batch_metrics
from penchant.evaluation.samples import Samples, take_samples
from penchant.evaluation.scoring import score

__all__ = ["HeldOut", "Samples", "Tally", "batch_metrics", "measure", "score", "take_samples"]
