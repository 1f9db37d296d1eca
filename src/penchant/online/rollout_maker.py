"""`RolloutMaker`: has responses to prompts sampled and judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from penchant.feedback.records import Record
from penchant.generation.engines import Engine
from penchant.generation.responses import Response, Sampling
from penchant.objectives.functional.advantages import overlong_penalty
from penchant.online.asking import Asking, Prompt
from penchant.online.opponents import POLICY, Models, NoOpponent, Opponent
from penchant.online.pairing import Pairing
from penchant.online.roll_in import given_response
from penchant.online.rollouts import Rollout
from penchant.online.samplers.independent import Independent
from penchant.online.samplers.sampler import Drawn, Means, Sampler
from penchant.online.sharing import Sharing, alone
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared, scored_samples

__all__ = ["RolloutMaker"]

Advance = Callable[[int], None]
#: Probabilities that one response beats another, K × K.
Table = list[tuple[float, ...]]
# Added to the seed of the policy's samples for those of its opponent.
OPPONENTS_SEED = 500_009


def _no_model(name: str) -> None:
    """Without opponents there is no other model."""


def _mean(chances: Sequence[float]) -> float:
    known = [each for each in chances if not math.isnan(each)]
    return sum(known) / len(known) if known else math.nan


@dataclass
class RolloutMaker:
    """Has responses sampled and judged.

    Args:
        engine: generates the responses.
        judge: scores them, or None.
        compares: whether the judge also gives preference probabilities.
        unfinished_penalty: subtracted from the reward of a response without an end token.
        roll_in: share of the samples that begin with tokens of the record's own response.
        overlong_buffer: number of tokens before the limit over which a penalty grows to 1; 0 for none.
        asking: what the policy reads.
        opponent: who else answers.
        models: finds the checkpoints that an opponent samples from.
        policy: the model in training, which goes back to the engine after the opponent.
        pairing: says which responses the judge compares, and whether it scores them as a round ago too.
        sampler: how the policy's responses come about.
        sharing: how processes share the prompts.
        scorer: computes the policy's likelihoods, for samplers that read them.
        reference: finds the checkpoints that a sampler reads.
    """

    engine: Engine
    judge: Judge | None
    compares: bool = False
    unfinished_penalty: float = 0.0
    overlong_buffer: int = 0
    asking: Asking = field(default_factory=Prompt)
    opponent: Opponent = field(default_factory=NoOpponent)
    models: Models = _no_model
    policy: Any = None
    pairing: Pairing | None = None
    roll_in: float = 0.0
    sampler: Sampler = field(default_factory=Independent)
    sharing: Sharing = alone
    scorer: Any = None
    reference: Any = None

    @property
    def means(self) -> Means:
        """What the sampler works with."""
        return Means(
            self.engine,
            self.judge,
            self.asking,
            self.policy,
            self.roll_in,
            scorer=self.scorer,
            reference=self.reference,
        )

    def sample(
        self,
        records: Sequence[Record],
        sampling: Sampling,
        *,
        seed: int,
        version: int = 0,
        finished: int = 0,
        advance: Advance | None = None,
        sharing: Sharing | None = None,
    ) -> list[Rollout]:
        """Sample one rollout for each record, in order.

        Args:
            records: prompts, with or without demonstrations.
            sampling: number of responses, and how to sample.
            seed: of the sampling.
            version: of the weights, see `Rollout`.
            finished: number of finished rounds.
            advance: called with the number of prompts done.
            sharing: how processes share the prompts; default: that of the maker.
        """
        chunk = max(1, self.engine.at_once // sampling.samples)

        def drawn(start: int) -> list[Rollout]:
            part = records[start : start + chunk]
            own = replace(sampling, traced=max(0, sampling.traced - start * sampling.samples))
            return self._drawn(part, own, seed + start, version, finished)

        rollouts: list[Rollout] = []
        for found in (sharing or self.sharing)(range(0, len(records), chunk), drawn):
            rollouts += [rollout for _start, part in found for rollout in part]
            if advance is not None:
                advance(len(rollouts))
        return rollouts

    def _drawn(
        self, records: Sequence[Record], sampling: Sampling, seed: int, version: int, finished: int
    ) -> list[Rollout]:
        """The judged responses to as many prompts as the engine answers at once."""
        drawn = self.sampler.draw(records, replace(self.means, finished=finished), sampling, seed=seed)
        theirs = replace(sampling, traced=0)
        further = self.opponent.answers(
            records, self.engine, self.models, self.policy, theirs, seed=seed + OPPONENTS_SEED
        )
        settings = self._settings(sampling, seed)
        return [
            replace(self._judged(record, found, more, sampling), version=version, settings=settings)
            for record, found, more in zip(records, drawn, further, strict=True)
        ]

    def remember(self, rollouts: Sequence[Rollout]) -> None:
        """Let the judge take note of a judged round, be it sampled now or read from its file.

        Args:
            rollouts: of the round.
        """
        if self.judge is None:
            return
        for each in rollouts:
            own = [one.text for one, by in zip(each.responses, each.writers, strict=True) if by == POLICY]
            self.judge.remember(each.prompt, own)

    def _settings(self, sampling: Sampling, seed: int) -> dict[str, Any]:
        """Everything that decides how responses are sampled."""
        given = {name: value for name, value in asdict(sampling).items() if name != "traced"}
        engine = {"name": self.engine.id, **self.engine.settings}
        other = {} if self.sampler.id == Independent.id else {"name": self.sampler.id, **self.sampler.settings}
        found = {**given, "stop": list(sampling.stop), "seed": seed, "engine": engine}
        return found | ({"sampler": other} if other else {})

    def _judged(self, record: Record, drawn: Drawn, more: Sequence[Response], sampling: Sampling) -> Rollout:
        given, own = [*drawn.responses, *more], len(drawn.responses)
        texts = [each.text for each in given]
        scores, table, earlier = [math.nan] * len(given), Table(), []
        parts: dict[str, list[float]] = {}
        if drawn.scores is not None:
            scores = [*drawn.scores, *scores[own:]]
        elif self.judge is not None:
            table = self._compared(record, texts) if self.compares else table
            if table and not self.judge.gives_scores:  # what has been compared is not asked again
                scores = [_mean(row) for row in table]
            else:
                scores, parts = scored_samples(self.judge, record, given)
                scores = self._shaped(scores, given, sampling.max_new_tokens)
            if self.pairing is not None and self.pairing.rescored:
                earlier = self.judge.score_earlier(record.prompt, texts)
        noted = {} if self.judge is None else self.judge.facts(record.prompt)
        said = given_response(record)
        shown = None if said is None else self.engine.response_tokens(record.prompt, said)
        return Rollout(
            source=record.source,
            prompt=record.prompt,
            prompt_ids=tuple(self.engine.prompt_ids(record.prompt)) if drawn.prompt_ids is None else drawn.prompt_ids,
            responses=tuple(given),
            scores=tuple(scores),
            demonstration=() if shown is None else tuple(shown.ids),
            probabilities=tuple(table),
            drawn_by=self._writers(drawn, len(more)),
            earlier_scores=tuple(earlier),
            demonstration_learned=None if shown is None else shown.learned,
            parts={name: tuple(each) for name, each in parts.items()},
            tree=drawn.tree,
            facts={**drawn.facts, **noted},
        )

    def _writers(self, drawn: Drawn, further: int) -> tuple[str, ...]:
        """Who wrote each response; empty if the policy wrote all."""
        own = drawn.written_by or (POLICY,) * len(drawn.responses)
        by = (*own, *(self.opponent.id,) * further)
        return () if set(by) == {POLICY} else by

    def _compared(self, record: Record, texts: Sequence[str]) -> Table:
        """The comparisons that the pairing needs, K × K; all of them if it does not say."""
        judge = self.judge
        assert judge is not None

        def beats(first: int, second: int) -> float:
            return float(compared(judge, record, [texts[first], texts[second]])[0, 1])

        asked = None if self.pairing is None else self.pairing.ask(len(texts), beats)
        return [tuple(row) for row in compared(judge, record, texts).tolist()] if asked is None else asked

    def _shaped(self, scores: Sequence[float], given: Sequence[Response], limit: int) -> list[float]:
        """Rewards: the scores minus the penalties for a missing end token and for length."""
        lost = [0.0 if each.finished else self.unfinished_penalty for each in given]
        if self.overlong_buffer:
            lengths = torch.tensor([each.length for each in given])
            penalties = overlong_penalty(lengths, limit=limit, buffer=self.overlong_buffer).tolist()
            lost = [each - penalty for each, penalty in zip(lost, penalties, strict=True)]
        return [score - each for score, each in zip(scores, lost, strict=True)]
