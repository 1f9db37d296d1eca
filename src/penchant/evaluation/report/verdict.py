"""What happened in this run, in plain sentences: what was trained, did it help, at what price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penchant.evaluation.report.before_after import BeforeAfter, Figure
from penchant.evaluation.report.quantities import count, duration, number
from penchant.evaluation.report.run_folder import RunFolder, finite_number

__all__ = ["Verdict", "verdict"]

Tone = Literal["good", "caution", "bad", "unknown"]

# From the measure closest to what is wanted (the truth, a judge) to the one furthest from it.
_EVIDENCE = {
    "accuracy": "Accuracy (share of sampled responses that are right)",
    "reward": "The judge's reward of sampled responses",
    "true_reward": "The true reward",
    "win_rate": "The win rate",
    "rewards/accuracy": "Accuracy (share of pairs with chosen above rejected)",
    "rewards/margin": "The reward margin",
}
_OF_LABELS = "Accuracy (share of responses whose reward is positive where they are desirable, else negative)"
_NLL = ("nll/forget", "nll/retain")
_ON_NEW_PROMPTS = ("true_reward", "win_rate")  # whatever the other figures were measured on
# Below these changes of the chosen log-probability nothing is claimed: measurement moves it that much by itself.
_STILL_NATS, _STILL_SHARE = 0.5, 0.005
_FAR_KL = 30.0
_HEADLINES: dict[str, tuple[Tone, str]] = {
    "better": ("good", "The model got better"),
    "unclear": ("caution", "No clear improvement: the change is within the noise"),
    "same": ("caution", "No change was measured"),
    "worse": ("bad", "The model got worse"),
    "": ("unknown", "Improvement was not measured"),
}
# Of unlearning: what became of the forgotten, then of the retained; better is less likely here, more likely there.
_FORGOTTEN: dict[tuple[bool, bool], tuple[Tone, str]] = {
    (True, True): ("good", "What is to be forgotten became less likely, and what is retained did not"),
    (True, False): ("caution", "What is to be forgotten became less likely, but so did what is retained"),
    (False, True): ("bad", "What is to be forgotten did not become less likely"),
    (False, False): ("bad", "What is to be forgotten did not become less likely, but what is retained did"),
}


@dataclass(frozen=True)
class Verdict:
    """A headline, its tone, and the sentences that support it."""

    tone: Tone
    headline: str
    sentences: tuple[str, ...]


def verdict(run: RunFolder, figures: BeforeAfter) -> Verdict:
    """Judge a run by its held-out figures.

    The headline follows the strongest evidence that the run has: true reward, else win rate, else accuracy, else
    margin. Where an interval is given, a figure whose interval still holds the value before is not called a gain.

    Example:
        >>> from pathlib import Path
        >>> from penchant.evaluation.report.before_after import before_after
        >>> run = RunFolder(Path("x"), summary={"before": {"true_reward": 0.1}, "after": {"true_reward": 0.9}})
        >>> verdict(run, before_after(run)).headline
        'The model got better'
    """
    evidence = [figure for key in _EVIDENCE if (figure := figures.get(key)) is not None and figure.judged]
    decisive = evidence[0].judged if evidence else ""
    unlearning = _unlearning(figures) if not decisive else None
    sentences = [_what(run), *(_gain(figure, figures) for figure in evidence)]
    if unlearning is not None:
        sentences += [
            f"{each.quantity.label}: from {each.shown[0]} to {each.shown[1]} {each.quantity.unit}."
            for each in figures.figures.values()
            if each.quantity.key in _NLL
        ]
    elif not decisive:
        sentences.append("No held-out figures are in this folder, so whether the model got better is not known.")
    on_training = bool(evidence) and not figures.held_out and evidence[0].quantity.key not in _ON_NEW_PROMPTS
    if on_training:
        sentences.append("No example was held out: this was measured on the training examples and shows no more.")
    sentences += [text for text in (_distance(figures), displacement(figures), _unfinished(run)) if text]
    return Verdict(*(unlearning or _headline(decisive, on_training, figures)), tuple(sentences))


def _unlearning(figures: BeforeAfter) -> tuple[Tone, str] | None:
    """Tone and headline of a run that forgets; None where it does not measure both sources."""
    forgotten, retained = (figures.get(key) for key in _NLL)
    if forgotten is None or retained is None or not (forgotten.judged and retained.judged):
        return None
    return _FORGOTTEN[forgotten.judged == "better", retained.judged != "worse"]


def _headline(decisive: str, on_training: bool, figures: BeforeAfter) -> tuple[Tone, str]:
    """Tone and headline, by what the strongest evidence says."""
    if decisive == "better" and on_training:
        return "caution", "The model got better on the examples that it was trained on"
    if decisive == "better" and _displacement_kind(figures) in ("both fell", "chosen fell"):
        return "caution", "The model got better, but the chosen responses became less likely"
    return _HEADLINES[decisive]


def displacement(figures: BeforeAfter) -> str:
    """Whether the chosen responses became more or less likely, in a sentence; empty where it is not known."""
    chosen, rejected = figures.get("logps/chosen"), figures.get("logps/rejected")
    kind = _displacement_kind(figures)
    if not kind or chosen is None:
        return ""
    moved = f"log-probability {chosen.change} nats per response"
    beside = f", that of rejected responses {rejected.change}" if rejected and rejected.change else ""
    if kind == "rose":
        return f"Chosen responses became more likely ({moved}{beside}): no likelihood displacement."
    if kind == "still":
        return f"The likelihood of chosen responses hardly moved ({moved}{beside}): no likelihood displacement."
    cause = " The margin grew because rejected responses fell further." if kind == "both fell" else ""
    return (
        f"Likelihood displacement: chosen responses became less likely ({moved}{beside}).{cause}"
        " If the chosen texts themselves matter, add a likelihood term on them or lower the learning rate."
    )


def _gain(figure: Figure, figures: BeforeAfter) -> str:
    before, after = figure.quantity.show(figure.baseline, figure.after)
    interval = f" (95 % interval {figure.shown_interval})" if figure.interval else ""
    chance = ""
    if figure.judged == "unclear":
        chance = f"; the interval still holds {before}, so this may be chance"
    if figure.quantity.key == "win_rate":
        return f"Against the model as it was before, it wins {after} of comparisons{interval}{chance}."
    labelled = any(figures.get(f"rewards/{side}") for side in ("desirable", "undesirable"))
    subject = _OF_LABELS if labelled and figure.quantity.key == "rewards/accuracy" else _EVIDENCE[figure.quantity.key]
    if figure.judged == "same":
        return f"{subject} stayed at {after}{interval}."
    origin = " by chance" if figure.before is None else ""
    verb = "rose" if (figure.after or 0.0) > (figure.baseline or 0.0) else "fell"
    return f"{subject} {verb} from {before}{origin} to {after}{interval}{chance}."


def _what(run: RunFolder) -> str:
    summary = run.summary
    model = str(summary.get("model") or run.recipe.get("model") or "A model")
    total, trained = finite_number(summary.get("parameters")), finite_number(summary.get("trained_parameters"))
    size = f" ({count(total)} parameters" if total else ""
    if size:
        size += f", {count(trained)} of them trained)" if trained and trained < total else ")"  # type: ignore[operator]
    text = f"{model}{size} was trained"
    if run.objective:
        text += f" with {run.objective.upper() if len(run.objective) <= 5 else run.objective}"
    if data := summary.get("data") or run.recipe.get("data"):
        text += f" on {data}"
    steps = finite_number(summary.get("steps")) or run.last_step
    parts = [
        f"{count(examples)} examples" if (examples := finite_number(summary.get("examples"))) else "",
        f"{count(steps)} steps" if steps else "",
        duration(run.seconds) if run.seconds else "",
    ]
    scale = ", ".join(part for part in parts if part)
    return f"{text}: {scale}." if scale else f"{text}."


def _distance(figures: BeforeAfter) -> str:
    figure = figures.get("kl")
    if figure is None or figure.after is None:
        return ""
    text = f"It ended {number(figure.after)} nats (KL) away from the reference"
    if figure.after > _FAR_KL:
        return f"{text}: far; check the samples for degenerate text, and consider a larger β or fewer steps."
    return f"{text}."


def _displacement_kind(figures: BeforeAfter) -> Literal["rose", "still", "both fell", "chosen fell", ""]:
    chosen, rejected = figures.get("logps/chosen"), figures.get("logps/rejected")
    if chosen is None or chosen.before is None or chosen.after is None:
        return ""
    change = chosen.after - chosen.before
    if abs(change) < max(_STILL_NATS, _STILL_SHARE * abs(chosen.before)):
        return "still"
    if change > 0:
        return "rose"
    if rejected is None or rejected.before is None or rejected.after is None:
        return "chosen fell"
    return "both fell" if rejected.after - rejected.before < change else "chosen fell"


def _unfinished(run: RunFolder) -> str:
    if run.summary:
        return ""
    reached = f" after step {run.last_step}" if run.last_step is not None else ""
    return f"There is no summary in this folder: the run is not finished, or was stopped{reached}."
