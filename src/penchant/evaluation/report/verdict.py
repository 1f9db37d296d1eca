"""The verdict on a run, in sentences: what was trained, whether it helped, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penchant.evaluation.report.before_after import BeforeAfter, Figure
from penchant.evaluation.report.objections import APART_KL, objections
from penchant.evaluation.report.quantities import count, duration, number
from penchant.evaluation.report.run_folder import RunFolder, finite_number

__all__ = ["Verdict", "verdict"]

Tone = Literal["good", "caution", "bad", "unknown"]

# From the most direct measure of quality (ground truth, a judge) to the least direct.
_EVIDENCE = {
    "accuracy": "Accuracy (share of sampled responses that are right)",
    "reward": "The judge's reward of sampled responses",
    "true_reward": "The true reward",
    "win_rate": "The win rate",
    "separation": "Separation (probability that a desirable response has a larger reward than an undesirable one)",
    "rewards/accuracy": "Accuracy (share of pairs with chosen above rejected)",
    "rewards/margin": "The reward margin",
}
_OF_LABELS = "Accuracy (share of responses whose reward is positive where they are desirable, else negative)"
_NLL = ("nll/forget", "nll/retain")
_ON_NEW_PROMPTS = ("true_reward", "win_rate")  # independent of what the other figures were measured on
# Smaller changes of the chosen log-probability are within measurement noise.
_STILL_NATS, _STILL_SHARE = 0.5, 0.005
_FAR_KL = 30.0
_RISEN = "The figures rose"
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

    The headline follows the strongest evidence of the run: true reward, else win rate, else accuracy, else
    margin. A figure whose interval contains the value before training does not count as a gain. Whatever the figures
    say, a policy that fell apart or held-out data that was trained on is no improvement (`objections`).

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
    sentences = [_what(run), *_kept(run), *(_gain(figure, figures) for figure in evidence)]
    if unlearning is not None:
        sentences += [
            f"{each.quantity.label}: from {each.shown[0]} to {each.shown[1]} {each.quantity.unit}."
            for each in figures.figures.values()
            if each.quantity.key in _NLL
        ]
    elif not decisive:
        sentences.append("This folder has no held-out figures, so it is unknown whether the model got better.")
    on_training = bool(evidence) and not figures.held_out and evidence[0].quantity.key not in _ON_NEW_PROMPTS
    if on_training:
        sentences.append("No examples were held out: these figures are measured on the training examples.")
    against = objections(run, figures)
    sentences += [each.sentence for each in against]
    sentences += [text for text in (_distance(figures), displacement(figures), _unfinished(run)) if text]
    if run.progress:
        return Verdict("unknown", _how_far(run), tuple(sentences))
    tone, headline = unlearning or _headline(decisive, on_training, figures)
    if against and tone == "good":
        tone, headline = "bad", f"{_RISEN if decisive else headline}, but {against[0].headline}"
    return Verdict(tone, headline, tuple(sentences))


def _how_far(run: RunFolder) -> str:
    """The headline of an unfinished run."""
    step, steps = run.progress.get("step"), run.progress.get("steps")
    word = "In progress" if run.progress.get("state") == "running" else "Stopped"
    return f"{word}: step {step} of {steps}"


def _unlearning(figures: BeforeAfter) -> tuple[Tone, str] | None:
    """Tone and headline of a run that forgets; None where it does not measure both sources."""
    forgotten, retained = (figures.get(key) for key in _NLL)
    if forgotten is None or retained is None or not (forgotten.judged and retained.judged):
        return None
    return _FORGOTTEN[forgotten.judged == "better", retained.judged != "worse"]


def _headline(decisive: str, on_training: bool, figures: BeforeAfter) -> tuple[Tone, str]:
    """Tone and headline, from the strongest evidence."""
    if decisive == "better" and on_training:
        return "caution", "The model got better on the examples that it was trained on"
    if decisive == "better" and _displacement_kind(figures) in ("both fell", "chosen fell"):
        return "caution", "The model got better, but the chosen responses became less likely"
    return _HEADLINES[decisive]


def displacement(figures: BeforeAfter) -> str:
    """A sentence on whether the chosen responses became more or less likely; empty if unknown."""
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
        " If the likelihood of the chosen texts matters, add a likelihood term on them or lower the learning rate."
    )


def _gain(figure: Figure, figures: BeforeAfter) -> str:
    before, after = figure.quantity.show(figure.baseline, figure.after)
    interval = f" (95 % interval {figure.shown_interval})" if figure.interval else ""
    chance = ""
    if figure.judged == "unclear":
        chance = f"; the interval contains {before}, so this may be chance"
    if figure.quantity.key == "win_rate":
        return f"Against the initial model it wins {after} of comparisons{interval}{chance}."
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
        f"{count(steps)} step{'s' * (steps != 1)}" if steps else "",
        duration(run.seconds) if run.seconds else "",
    ]
    scale = ", ".join(part for part in parts if part)
    return f"{text}: {scale}." if scale else f"{text}."


def _kept(run: RunFolder) -> list[str]:
    """Which step's weights the run ended with, and why it ended before its plan."""
    kept, ended = run.summary.get("kept"), run.summary.get("ended")
    found = []
    if ended:
        planned = finite_number(run.summary.get("planned_steps"))
        of = f" of {count(planned)}" if planned else ""
        found.append(f"It ended at step {run.summary.get('steps')}{of}: {ended}.")
    if isinstance(kept, dict):
        value = finite_number(kept.get("value"))
        shown = "" if value is None else f" ({number(value)})"
        found.append(f"The model is that of step {kept.get('step')}, where {kept.get('metric')} was best{shown}.")
    return found


def _distance(figures: BeforeAfter) -> str:
    figure = figures.get("kl")
    if figure is None or figure.after is None or figure.after >= APART_KL:
        return ""
    text = f"The KL divergence from the reference is {number(figure.after)} nats"
    if figure.after > _FAR_KL:
        return f"{text}, which is large; check the samples for degenerate text, and consider a larger β or fewer steps."
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
    return f"This folder has no summary: the run is not finished, or was stopped{reached}."
