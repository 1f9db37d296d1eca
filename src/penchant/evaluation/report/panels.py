"""Panels: metrics that share a chart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from penchant.evaluation.report.list_table import PREFIX
from penchant.evaluation.report.quantities import HEAD_REWARD, LOG_RATIO, order, quantity
from penchant.evaluation.report.run_folder import RunFolder

__all__ = ["MACHINERY", "MAIN", "Panel", "main_panels", "other_panels"]


@dataclass(frozen=True)
class Panel:
    """Metrics that share a chart; ``lines`` are (metric key, CSS colour, label)."""

    slug: str
    title: str
    unit: str
    lines: tuple[tuple[str, str, str], ...]
    percent: bool = False
    reference: float | None = None  # a value to mark with a line, such as zero margin or accuracy by chance
    smooth: bool = True


def _pair(
    slug: str,
    title: str,
    unit: str,
    reference: float | None = None,
    sides: tuple[str, str] = ("chosen", "rejected"),
) -> Panel:
    """Two metrics in one chart: that of what is wanted, and that of what is not."""
    wanted, unwanted = sides
    return Panel(
        slug if wanted == "chosen" else f"{slug}-{wanted}",
        title,
        unit,
        ((f"{slug}/{wanted}", "chosen", wanted), (f"{slug}/{unwanted}", "rejected", unwanted)),
        reference=reference,
    )


_LABELS = ("desirable", "undesirable")


MAIN = (
    Panel("right", "Accuracy of sampled responses", "share of responses", (("accuracy", "accent", "accuracy"),), True),
    Panel("judged", "Reward of sampled responses", "reward", (("reward", "accent", "reward"),)),
    Panel(
        "wins",
        "Win rate of sampled responses",
        "share of prompts",
        (("judge/win_rate", "accent", "win rate"),),
        percent=True,
        reference=50.0,
    ),
    Panel("loss", "Loss", "loss per example", (("loss", "accent", "loss"),)),
    Panel(
        "accuracy",
        "Accuracy of the implicit rewards",
        "share",
        (("rewards/accuracy", "accent", "accuracy"), ("rewards/ties", "before", "ties")),
        percent=True,
        reference=50.0,
    ),
    Panel(
        "separation",
        "Separation of the labels",
        "area under the ROC curve",
        (("separation", "accent", "separation"),),
        percent=True,
        reference=50.0,
    ),
    _pair("rewards", "Implicit rewards", LOG_RATIO, 0.0),
    _pair("rewards", "Implicit rewards", LOG_RATIO, 0.0, _LABELS),
    Panel("margin", "Reward margin", LOG_RATIO, (("rewards/margin", "accent", "margin"),), reference=0.0),
    _pair("logps", "Log-probabilities", "nats per response"),
    _pair("logps", "Log-probabilities", "nats per response", sides=_LABELS),
    _pair("nll", "Negative log-likelihood", "nats per token", sides=("retain", "forget")),
    Panel("kl", "KL from the reference", "nats", (("kl", "accent", "KL"),)),
    _pair("lengths", "Response length", "tokens"),
    Panel("gradient", "Gradient norm", "norm", (("grad_norm", "accent", "norm"),)),
)
MACHINERY = (
    Panel("speed", "Speed", "tokens per second", (("tokens_per_second", "accent", "speed"),)),
    Panel("saved", "Tokens saved by shared prompts", "share", (("tokens_saved", "accent", "saved"),), percent=True),
    Panel("rate", "Learning rate", "rate", (("learning_rate", "accent", "rate"),), smooth=False),
)


def main_panels(runs: Iterable[RunFolder]) -> tuple[Panel, ...]:
    """The main panels; those of rewards say whether they are log-ratios or what the head of a reward model gives."""
    if not all(run.rewards_of_a_head for run in runs):
        return MAIN
    titles = {"Accuracy of the implicit rewards": "Accuracy of the rewards", "Implicit rewards": "Rewards"}
    return tuple(
        replace(each, title=titles.get(each.title, each.title), unit=each.unit.replace(LOG_RATIO, HEAD_REWARD))
        for each in MAIN
    )


def other_panels(runs: Iterable[RunFolder]) -> tuple[Panel, ...]:
    """A panel for each metric outside the standard panels, such as an objective's own statistics."""
    shown = {key for panel in (*MAIN, *MACHINERY) for key, _, _ in panel.lines}
    keys = {key for run in runs for curves in (run.train, run.held_out) for key in curves} - shown
    keys = {key for key in keys if not key.endswith(("/low", "/high"))}  # drawn as intervals of other figures
    keys = {key for key in keys if not key.startswith(PREFIX)}  # a table of their own
    known = [quantity(key) for key in order(keys)]
    return tuple(
        Panel(
            f"other{index}",
            each.label,
            "share" if each.share else each.unit or "value",
            ((each.key, "accent", each.label),),
            percent=each.share,
        )
        for index, each in enumerate(known)
    )
