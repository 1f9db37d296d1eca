"""Quantities: labels, units and better directions of metrics, and formatting of their numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["HEAD_REWARD", "LOG_RATIO", "Quantity", "count", "duration", "fixed", "number", "order", "plain", "quantity"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Quantity:
    """How a metric is displayed: label, unit, better direction, whether it is a share between 0 and 1.

    ``chance`` is the value of an untrained model; a figure without a value before training is compared to it.

    Example:
        >>> accuracy = quantity("rewards/accuracy")
        >>> accuracy.show(0.5, 0.685), accuracy.change(0.5, 0.685)
        (('50.0 %', '68.5 %'), '+18.5 points')
    """

    key: str
    label: str
    unit: str = ""
    better: Literal["up", "down", ""] = ""
    share: bool = False
    chance: float | None = None

    @property
    def known(self) -> bool:
        """Whether it is one of the metrics that have a label of their own."""
        return self.key in _KNOWN

    def show(self, *values: float | None) -> tuple[str, ...]:
        """The values as text, with as many digits as distinguish them; "–" for None."""
        digits = self._digits(values)
        return tuple("–" if value is None else self._text(value, digits) for value in values)

    def change(self, before: float, after: float) -> str:
        """The signed change from ``before`` to ``after``, in the same digits as :meth:`show` uses."""
        digits = self._digits((before, after))
        if self.share:
            return f"{_signed((after - before) * 100, digits)} points"
        return _signed(after - before, digits)

    def judge(self, before: float, after: float) -> Literal["better", "worse", "same", ""]:
        """Whether ``after`` is better than ``before``; empty if neither direction is better."""
        if not self.better:
            return ""
        if self.change(before, after).lstrip("±+−").split(" ")[0].strip("0.") == "":
            return "same"
        return "better" if (after > before) == (self.better == "up") else "worse"

    def _digits(self, values: tuple[float | None, ...]) -> int:
        known = [value * 100 if self.share else value for value in values if value is not None]
        known = [value for value in known if math.isfinite(value)]
        digits = 1 if self.share else _decimals(max(map(abs, known), default=0.0))
        spread = max(known, default=0.0) - min(known, default=0.0)
        while 0 < spread < 0.5 * 10**-digits and digits < 6:
            digits += 1
        return digits

    def _text(self, value: float, digits: int) -> str:
        return f"{fixed(value * 100, digits)} %" if self.share else fixed(value, digits)


#: Unit of rewards that are log-ratios of policy and reference, and of those that a head gives.
LOG_RATIO, HEAD_REWARD = "β × nats", "reward"
_KNOWN = {
    known.key: known
    for known in (
        Quantity("accuracy", "Accuracy of sampled responses", better="up", share=True),
        Quantity("reward", "Reward of sampled responses", better="up"),
        Quantity("true_reward", "True reward", better="up"),
        Quantity("true_reward/gain", "Gain in true reward", better="up", chance=0.0),
        Quantity("win_rate", "Win rate against the initial model", better="up", share=True, chance=0.5),
        Quantity(
            "judge/win_rate",
            "Win rate of sampled responses, by the judge",
            better="up",
            share=True,
            chance=0.5,
        ),
        Quantity("judge/score", "Score of sampled responses, by the judge", better="up"),
        Quantity("judge/length", "Length of judged responses", "characters"),
        Quantity("judge/reference_score", "Score of the reference's responses, by the judge"),
        Quantity("judge/reference_length", "Length of the reference's judged responses", "characters"),
        Quantity("judge/unread", "Pairs that the judge could not compare", better="down", share=True),
        Quantity("digits/accuracy", "Digits classified as requested", better="up", share=True),
        Quantity("drift", "Fréchet distance from the reference (before: two draws of it)"),
        Quantity(
            "separation", "Separation of the labels (area under the ROC curve)", better="up", share=True, chance=0.5
        ),
        Quantity("rewards/accuracy", "Accuracy, ties as half", better="up", share=True, chance=0.5),
        Quantity("labels/accuracy", "Accuracy of labels, ties as half", better="up", share=True, chance=0.5),
        Quantity("rewards/ties", "Ties", share=True),
        Quantity("rewards/ndcg", "nDCG of lists (0 to 1)", better="up"),
        Quantity("rewards/kendall", "Kendall's τ of lists (−1 to 1)", better="up", chance=0.0),
        Quantity("rewards/top1", "Best response first", better="up", share=True),
        Quantity("rewards/margin", "Reward margin", LOG_RATIO, "up"),
        Quantity("rewards/chosen", "Reward of chosen", LOG_RATIO),
        Quantity("rewards/rejected", "Reward of rejected", LOG_RATIO),
        Quantity("rewards/desirable", "Reward of desirable", LOG_RATIO),
        Quantity("rewards/undesirable", "Reward of undesirable", LOG_RATIO),
        Quantity("rewards/responses", "Reward of all responses", LOG_RATIO),
        Quantity("calibration/error", "Calibration error of σ(reward)", better="down", share=True),
        Quantity("calibration/brier", "Brier score of σ(reward)", better="down", chance=0.25),
        Quantity("labels/desirable", "Desirable responses", share=True),
        Quantity("divergence", "Divergence by mismatched responses", "nats"),
        Quantity("reference_point", "Reference point of KTO", "nats"),
        Quantity("shift", "Reward shift of BCO", LOG_RATIO),
        Quantity("reference_point_error", "Standard error of the reference point", "nats"),
        Quantity("loss", "Loss", better="down"),
        Quantity("logps/accuracy", "Accuracy by log-probability per token", better="up", share=True, chance=0.5),
        Quantity("logps/ndcg", "nDCG of lists by log-probability per token", better="up"),
        Quantity("logps/kendall", "Kendall's τ by log-probability per token", better="up", chance=0.0),
        Quantity("logps/top1", "Best response first by log-probability per token", better="up", share=True),
        Quantity("logps/margin", "Log-probability margin", "nats", "up"),
        Quantity("kl", "KL from the reference", "nats"),
        Quantity("logps/chosen", "Log-probability of chosen", "nats per response", "up"),
        Quantity("logps/rejected", "Log-probability of rejected", "nats per response"),
        Quantity("logps/desirable", "Log-probability of desirable", "nats per response", "up"),
        Quantity("logps/undesirable", "Log-probability of undesirable", "nats per response"),
        Quantity("logps/responses", "Log-probability of all responses", "nats per response"),
        Quantity("nll/forget", "Negative log-likelihood of the forget set", "nats per token", "up"),
        Quantity("nll/retain", "Negative log-likelihood of the retain set", "nats per token", "down"),
        Quantity("lengths/chosen", "Length of chosen", "tokens"),
        Quantity("lengths/rejected", "Length of rejected", "tokens"),
        Quantity("lengths/responses", "Length of all responses", "tokens"),
        Quantity("samples/length", "Length of the samples", "tokens"),
        Quantity("samples/ended", "Samples with an end token", share=True),
        Quantity("samples/repeated", "Repetition within a sample", share=True),
        Quantity("sampled/reward", "Reward of the round's samples", better="up"),
        Quantity("sampled/reward_deviation", "Deviation of rewards within a prompt"),
        Quantity("sampled/uniform", "Prompts whose rewards are all equal", share=True),
        Quantity("sampled/unused", "Prompts that were replaced", share=True),
        Quantity("sampled/unscored", "Samples without a score", better="down", share=True),
        Quantity("sampled/length", "Length of the round's samples", "tokens"),
        Quantity("sampled/finished", "Samples that ended before the limit", share=True),
        Quantity("sampled/entropy", "Entropy of the policy on its samples", "nats per token"),
        Quantity("sampled/logp_gap", "Generator against trainer", "nats per token", "down"),
        Quantity("sampled/nodes", "Steps of a tree"),
        Quantity("sampled/leaves", "Responses of a tree"),
        Quantity("sampled/best_outcome", "Best response of a tree", better="up"),
        Quantity("sampled/steps_cut", "Steps of a tree that ended at their limit"),
        Quantity("sampled/steps_alike", "Steps of a tree that repeated another"),
        Quantity("sampled/tokens_drawn", "Drawn for a tree", "tokens"),
        Quantity("sampled/prefix_share_saved", "Tokens of a search that were not read again", share=True),
        Quantity("sampled/divergence", "Divergence of samples from the reference", "nats per response"),
        Quantity("clipped", "Tokens outside of the clip range", share=True),
        Quantity("seconds", "Time", "seconds"),
        Quantity("tokens_per_second", "Speed", "tokens per second", "up"),
        Quantity("tokens_saved", "Tokens saved by shared prompts", share=True, better="up"),
        Quantity("learning_rate", "Learning rate"),
        Quantity("grad_norm", "Gradient norm"),
    )
}


def quantity(key: str) -> Quantity:
    """The quantity of a metric key; an unknown key is turned into a readable label.

    Example:
        >>> quantity("kl").unit, quantity("rewards/chosen_std").label
        ('nats', 'Rewards: chosen std')
    """
    label = key.replace("/", ": ").replace("_", " ").strip()
    return _KNOWN.get(key) or Quantity(key, label[:1].upper() + label[1:])


def order(keys: set[str]) -> list[str]:
    """Metric keys by importance: known ones in the order above, then others by name."""
    return [key for key in _KNOWN if key in keys] + sorted(keys - set(_KNOWN))


def number(value: float) -> str:
    """A number with three significant digits or so, thousands separated, powers of ten written out.

    Example:
        >>> number(0.6931), number(27_131.4), number(5e-6), number(-12.34), number(float("nan"))
        ('0.693', '27,131', '5 × 10⁻⁶', '−12.3', 'not a number')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if value == 0 or (float(value).is_integer() and size < 1e9):
        return fixed(value, 0)
    if size < 1e-3 or size >= 1e9:
        return _power(f"{value:.2e}")
    return fixed(value, max(0, 2 - math.floor(math.log10(size))))


def fixed(value: float, digits: int) -> str:
    """A number with so many decimals, thousands separated, with a true minus sign and no negative zero.

    Example:
        >>> fixed(-1234.567, 1), fixed(-0.001, 2)
        ('−1,234.6', '0.00')
    """
    if not math.isfinite(value):
        return number(value)
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def count(value: float) -> str:
    """A count: exact below ten thousand, then with thousands separators, millions and billions as M and B.

    Example:
        >>> count(512), count(12_345), count(27_131_904)
        ('512', '12,345', '27.1 M')
    """
    for limit, mark in ((1e9, "B"), (1e6, "M")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {mark}"
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """A duration in its two largest units.

    Example:
        >>> duration(8.04), duration(725), duration(7384)
        ('8.0 s', '12 min 5 s', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plain(value: Any) -> str:
    """A recipe setting as short text: formatted numbers, joined lists, "–" for None.

    Example:
        >>> plain(None), plain(True), plain(0.1), plain(5e-6), plain([1, "a"])
        ('–', 'yes', '0.1', '5 × 10⁻⁶', '1, a')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # Not rounded, because it is a setting.
        return _power(f"{value:.12g}")
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "–"
    return str(value)


def _decimals(size: float) -> int:
    if size == 0 or size >= 1000:
        return 0
    return 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 0.1 else 4


def _power(text: str) -> str:
    """ "1.50e-06" as "1.5 × 10⁻⁶"; text without an exponent is unchanged."""
    digits, _, exponent = text.partition("e")
    digits = digits.replace("-", "−")
    if not exponent:
        return digits
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def _signed(value: float, digits: int) -> str:
    text = fixed(value, digits)
    if not text.strip("0."):
        return f"±{text}"
    return text if text.startswith("−") else f"+{text}"
