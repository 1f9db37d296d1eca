"""Dials: the settings of a tabular world."""

from __future__ import annotations

from dataclasses import dataclass, fields

from penchant.errors import ConfigurationError

__all__ = ["Dials"]


@dataclass(frozen=True)
class Dials:
    """The settings of a tabular world; everything else is drawn by the seed.

    Args:
        prompts: X, the number of prompts.
        responses: K, the number of responses per prompt.
        reward_scale: standard deviation of the true rewards.
        temperature: of the Bradley–Terry preferences, P(i ≻ j) = σ((r_i − r_j) / temperature); 0 for deterministic
            ones.
        cycles: share of the preference logits, in [0, 1], that is cyclic and so not explained by any reward.
        reference_spread: standard deviation of the reference's logits, in nats.
        reference_skill: slope of the reference's logits in the reward, nats per unit of reward.
        concentration: exponent on the reference's probabilities that gives the data distribution: 0 uniform, 1 the
            reference; larger values concentrate on the most likely responses.
        unseen: share of each prompt's responses that never occur in the data.
        pairs: default size of a data set.
        flips: probability that a label is flipped.
        annotators: flip probabilities of several annotators with equal shares; empty for one annotator with ``flips``.
        length_bias: logit per extra token in favour of the longer response (labels only).
        score_noise: standard deviation of the error of scores around the reward.
        shortest: minimum length of a response, tokens.
        longest: maximum length of a response, tokens.
        uneven: 0 to spread a response's log-probability evenly over its tokens; towards 1 the spread is random.
        features: dimension D of a log-linear policy, whose responses share D parameters; 0 for a table of logits.
        similarity: share of the features that the responses to a prompt have in common, in [0, 1).

    Raises:
        ConfigurationError: a setting is out of range.

    Example:
        >>> print(Dials(flips=0.3, pairs=200))
        8 prompts × 8 responses, pairs=200, flips=0.3
    """

    prompts: int = 8
    responses: int = 8
    reward_scale: float = 1.0
    temperature: float = 1.0
    cycles: float = 0.0
    reference_spread: float = 1.0
    reference_skill: float = 0.0
    concentration: float = 1.0
    unseen: float = 0.0
    pairs: int = 400
    flips: float = 0.0
    annotators: tuple[float, ...] = ()
    length_bias: float = 0.0
    score_noise: float = 0.0
    shortest: int = 4
    longest: int = 4
    uneven: float = 0.0
    features: int = 0
    similarity: float = 0.0

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in ("cycles", "flips", "uneven")}
        ranges = {name: 0 <= value <= 1 for name, value in shares.items()}
        ranges |= {name: 0 <= getattr(self, name) < 1 for name in ("unseen", "similarity")}
        ranges |= {name: getattr(self, name) >= 1 for name in ("prompts", "pairs", "shortest")}
        ranges |= {name: getattr(self, name) >= 0 for name in ("temperature", "score_noise", "features")}
        ranges |= {"responses": self.responses >= 2, "longest": self.longest >= self.shortest}
        ranges["annotators"] = all(0 <= flips <= 1 for flips in self.annotators)
        wrong = next((name for name, good in ranges.items() if not good), None)
        if wrong:
            raise ConfigurationError(
                f"{wrong!r} is {getattr(self, wrong)!r}, which is out of range.",
                where="tabular world",
                fix="See the docstring of penchant.lab.worlds.tabular.Dials.",
            )

    def __str__(self) -> str:
        changed = [
            f"{each.name}={getattr(self, each.name)}"
            for each in fields(self)
            if each.name not in ("prompts", "responses") and getattr(self, each.name) != each.default
        ]
        return ", ".join([f"{self.prompts} prompts × {self.responses} responses", *changed])
