"""`Rollout`: one prompt with its sampled and judged responses, stored for resuming on the same tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from penchant.feedback.records import Source, Text
from penchant.forest.layout import TokenSequence
from penchant.generation.responses import Response
from penchant.online.trees import Tree

__all__ = ["Rollout"]


@dataclass(frozen=True)
class Rollout:
    """One prompt with its sampled responses and their scores.

    Args:
        source: the prompt's record.
        prompt: the prompt.
        prompt_ids: its tokens as given to the model.
        responses: K responses.
        scores: K scores of the judge; NaN for a response without a score.
        demonstration: tokens of the record's own response, if it has one.
        demonstration_learned: which of them are learned; None if all are.
        drawn_by: who wrote each response: ``policy``, or the id of the opponent; empty if all are the policy's.
        earlier_scores: K scores of the judge as it was a round ago; empty if not needed.
        probabilities: [K][K] the judge's probability that one response beats another; empty if not needed.
        old_logps: for each response its learned tokens' log-probabilities under the policy that sampled it, nats;
            empty if not needed.
        version: number of rounds after which the weights that sampled it were taken; 0 for the model at the start.
        settings: everything that decided how it was sampled: the engine with its settings, the sampling settings, and
            the seed.
        parts: K scores of each part of the judge by name, before weights; NaN where a part has none.
        weights: for each response the factors of its tokens' gradient that correct for weights of another version;
            empty where the samples are the policy's own.
        judged: K scores before a divergence from the reference was taken off; empty if none was.
        divergence: of each response from the reference, Σ_t (log π_t − log π_ref,t), nats; empty if not needed.
        used: whether it is trained on; False for a group without differences that was replaced by another.
        reference_logps: the same under the reference; empty if not needed.
        values: the critic's values of the states before these tokens; empty if not needed.
        baseline: the score of the response that greedy decoding gives; None if not needed.
        carried: numbers that the pairing carries from round to round, as they were in this one.
        tree: what the sampler grew, of which the responses are leaves; None where they were drawn one by one.
        facts: numbers of the sampler for the metrics, such as the nodes of a search.

    Example:
        >>> rollout = Rollout(Source(), "1+1=", (5, 6), (Response("2", (7,), True),), (1.0,))
        >>> Rollout.from_json(rollout.to_json()) == rollout
        True
    """

    source: Source
    prompt: Text
    prompt_ids: tuple[int, ...]
    responses: tuple[Response, ...]
    scores: tuple[float, ...]
    demonstration: tuple[int, ...] = ()
    probabilities: tuple[tuple[float, ...], ...] = ()
    old_logps: tuple[tuple[float, ...], ...] = ()
    demonstration_learned: tuple[bool, ...] | None = None
    version: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    weights: tuple[tuple[float, ...], ...] = ()
    judged: tuple[float, ...] = ()
    divergence: tuple[float, ...] = ()
    used: bool = True
    reference_logps: tuple[tuple[float, ...], ...] = ()
    values: tuple[tuple[float, ...], ...] = ()
    baseline: float | None = None
    carried: dict[str, float] = field(default_factory=dict)
    drawn_by: tuple[str, ...] = ()
    earlier_scores: tuple[float, ...] = ()
    tree: Tree | None = None
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def grown(self) -> Tree:
        """Its tree; that of depth one where the responses were drawn one by one."""
        return self.tree or Tree.flat(self.responses, self.scores, self.drawn_by)

    @property
    def uniform(self) -> bool:
        """Whether its scores say nothing: all that are known are equal."""
        return len({score for score in self.judged or self.scores if not math.isnan(score)}) < 2

    @property
    def scored(self) -> list[int]:
        """The indices of the responses that have a score."""
        return [place for place, score in enumerate(self.scores) if not math.isnan(score)]

    @property
    def writers(self) -> tuple[str, ...]:
        """Who wrote each response."""
        return self.drawn_by or ("policy",) * len(self.responses)

    def sequence(self, place: int) -> TokenSequence:
        """The tokens of the prompt and of one response."""
        return TokenSequence(self.prompt_ids, self.responses[place].ids, self.responses[place].learned)

    @property
    def shown(self) -> TokenSequence:
        """The tokens of the prompt and of the demonstration."""
        return TokenSequence(self.prompt_ids, self.demonstration, self.demonstration_learned)

    def to_json(self) -> dict[str, Any]:
        """The rollout as plain lists and numbers; a missing score is null."""
        plain = asdict(replace(self, tree=None)) | {"tree": None if self.tree is None else self.tree.to_json()}
        for name in ("scores", "judged", "earlier_scores"):
            plain[name] = _without_nan(plain[name])
        plain["parts"] = {name: _without_nan(scores) for name, scores in self.parts.items()}
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Rollout:
        """The exact inverse of `to_json`."""
        return cls(
            source=Source(**plain["source"]),
            prompt=plain["prompt"],
            prompt_ids=tuple(plain["prompt_ids"]),
            responses=tuple(
                Response(
                    each["text"],
                    tuple(each["ids"]),
                    each["finished"],
                    _row(each.get("learned")),
                    _row(each.get("logps")),
                )
                for each in plain["responses"]
            ),
            scores=_with_nan(plain["scores"]),
            demonstration=tuple(plain["demonstration"]),
            probabilities=tuple(map(tuple, plain["probabilities"])),
            drawn_by=tuple(plain.get("drawn_by", ())),
            earlier_scores=_with_nan(plain.get("earlier_scores", ())),
            old_logps=tuple(map(tuple, plain["old_logps"])),
            demonstration_learned=_row(plain.get("demonstration_learned")),
            version=plain.get("version", 0),
            settings=plain.get("settings", {}),
            parts={name: _with_nan(scores) for name, scores in plain.get("parts", {}).items()},
            weights=tuple(map(tuple, plain.get("weights", ()))),
            judged=_with_nan(plain.get("judged", ())),
            divergence=tuple(plain.get("divergence", ())),
            used=plain.get("used", True),
            reference_logps=tuple(map(tuple, plain.get("reference_logps", ()))),
            values=tuple(map(tuple, plain.get("values", ()))),
            baseline=plain.get("baseline"),
            carried=plain.get("carried", {}),
            tree=None if plain.get("tree") is None else Tree.from_json(plain["tree"]),
            facts=plain.get("facts", {}),
        )


def _without_nan(scores: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(score) else score for score in scores]


def _with_nan(scores: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if score is None else score for score in scores)


def _row(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)
