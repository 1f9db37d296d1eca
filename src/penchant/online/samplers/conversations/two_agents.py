"""`TwoAgents`, the base of samplers in which two agents talk and the policy plays both or one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Sampling
from penchant.online.samplers.conversations.agents import prompt_of, transcript
from penchant.online.samplers.conversations.base_losses import BASE, add_losses
from penchant.online.samplers.conversations.judging import judge_talk, told
from penchant.online.samplers.conversations.playing import Place, Rules, play
from penchant.online.samplers.conversations.remembering import Remembering, token_facts
from penchant.online.samplers.conversations.talks import Talk
from penchant.online.samplers.conversations.worth import conversation_rewards, readability
from penchant.online.samplers.sampler import Drawn, Means, Sampler
from penchant.online.trees import POLICY, ROOT

__all__ = ["TwoAgents"]

#: What the agents read, and what stands before their turns, where the recipe does not say.
DEFAULTS = {"prompts": ["prompt", "partner_prompt"], "labels": ["A: ", "B: "]}
#: The speaker of what another model says.
PARTNER = "partner"


class TwoAgents(Sampler):
    """Base class: two agents talk, each of which reads a prompt of its own and what has been said so far.

    The policy plays both agents, or the first one against another model (``partner``), whose turns are not trained on.
    A conversation ends with a turn that holds a stop word, at the limit of turns, or when an agent says the same
    ``repeats`` times in a row. The judge scores what follows the last stop word; a conversation without one has the
    score ``unanswered`` (without stop words, the judge scores every conversation whole). Tokens cost ``token_weight``,
    and turns that the model at the start finds likely earn ``loss_weight`` (`conversation_rewards`). ``max_new_tokens``
    limits a turn. Conversations at the same turn share one pass over what the agent reads, and with ``keep_cache`` keys
    and values are kept along every branch for each agent, so that a token is read once (`Remembering`).

    Reference:
        Chen et al. (2024), Optima: Optimizing Effectiveness and Efficiency for LLM-Based Multi-Agent System, section 2.
    """

    grows = True
    judged = True
    own_contexts: ClassVar[bool] = True

    prompts: Annotated[
        list[str] | None, "fields with the prompts of both agents; default: prompt (the record's own), partner_prompt"
    ] = None
    labels: Annotated[
        list[str] | None, "what stands before the turns of each agent, in prompts of plain text; default: A: and B:"
    ] = None
    turns: Annotated[int, Gt(0), "most turns of a conversation"] = 8
    stop_words: Annotated[list[str] | None, "texts that end a conversation, such as answer; default: none"] = None
    repeats: Annotated[int, Gt(1), "times in a row that an agent says the same before its conversation is stopped"] = 3
    partner: Annotated[str, "who plays the second agent: policy, or a folder or hub id of another model"] = POLICY
    unanswered: Annotated[float, "score of a conversation that ends without a stop word"] = 0.0
    token_weight: Annotated[float, Ge(0), "cost of the longest conversation of a task; others by their tokens"] = 0.0
    loss_weight: Annotated[
        float, Ge(0), "weight of 1 / the largest mean loss of a turn under the model at the start"
    ] = 0.0
    longest: Annotated[int, Gt(0), "tokens of a conversation above which it counts as unreadable"] = 500
    valid: Annotated[
        str | None, "regular expression that a whole turn matches if it is a valid action; default: any text but none"
    ] = None
    keep_cache: Annotated[
        bool, "whether keys and values of what an agent has read are kept from turn to turn; false takes less memory"
    ] = True

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for key in ("prompts", "labels"):
            if len(getattr(self, key) or DEFAULTS[key]) != 2:
                raise ConfigurationError(
                    f"A conversation has two agents, and {key} has {len(getattr(self, key))}.",
                    where=f"sampler.{key}",
                    fix="Give one for each agent.",
                )
        self._remembering = Remembering(self.keep_cache)
        try:
            self._pattern = None if self.valid is None else re.compile(self.valid, re.DOTALL)
        except re.error as error:
            raise ConfigurationError(
                f"{self.valid!r} is no regular expression: {error}.",
                where="sampler.valid",
                fix="Give one that a whole turn matches, such as 'move (left|right)'.",
            ) from None

    def _valid(self, text: str) -> bool:
        """Whether a turn is a valid action."""
        return bool(text) and (self._pattern is None or self._pattern.fullmatch(text) is not None)

    @property
    def texts(self) -> int:
        """See `Sampler.texts`: the turns."""
        return self.turns

    def kept_tokens(self, prompt: int, new: int) -> int:
        """See `Sampler.kept_tokens`: what each of the two agents has read and said."""
        return (2 if self.keep_cache else 1) * (prompt + self.turns * new)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """See `Sampler.checkpoints`."""
        return (BASE,) if self.loss_weight else ()

    @cached_property
    def other(self) -> Any:
        """The model of the second agent; None for the policy."""
        if self.partner == POLICY:
            return None
        from penchant.likelihood.loading import load_model

        return load_model(self.partner)

    def check(self, means: Means, records: Sequence[Record]) -> None:
        """See `Sampler.check`."""
        if self.partner != POLICY and not isinstance(means.engine, InProcessEngine):
            raise ConfigurationError(
                f"The second agent is the model {self.partner}, but the engine {means.engine.id!r} has its own.",
                where="sampler.partner",
                fix="Give engine=transformers, or let the policy play both agents.",
            )
        for record in records:
            for field in self.rules.prompts:
                prompt_of(record, field)

    def as_judged(self, record: Record) -> Record:
        """The record with both agents' prompts as one: the judge knows the whole task."""
        first, second = (prompt_of(record, each) for each in self.rules.prompts)
        joined = f"{first}\n{second}" if isinstance(first, str) else [*first, *second]
        return replace(record, prompt=joined)

    def draw(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        """See `Sampler.draw`."""
        talks, counted = self._talked(self._played, records, means, sampling, seed)
        rewards = self._rewards(talks, means)
        speakers = (POLICY, POLICY if self.other is None else PARTNER)
        return [
            self._drawn(talk, own, counts, speakers) for talk, own, counts in zip(talks, rewards, counted, strict=True)
        ]

    def heldout(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        """See `Sampler.heldout`: conversations with the scores of the task alone."""
        plain = partial(TwoAgents._played, self)
        talks, counted = self._talked(plain, records, means, sampling, seed)
        return [
            self._drawn(talk, [each.task for each in talk.ended], counts)
            for talk, counts in zip(talks, counted, strict=True)
        ]

    def _talked(
        self,
        played: Callable[..., list[Talk]],
        records: Sequence[Record],
        means: Means,
        sampling: Sampling,
        seed: int,
    ) -> tuple[list[Talk], list[dict[str, float]]]:
        """The conversations, and for each task what was read for it."""
        with self._remembering.along(means.engine, (getattr(means.engine, "model", None), self.other)) as memory:
            talks = played(records, means, sampling, seed)
        self._remembering.look(talks)
        return talks, token_facts(memory, talks)

    def _played(self, records: Sequence[Record], means: Means, sampling: Sampling, seed: int) -> list[Talk]:
        """The conversations about each task, judged."""
        talks = [Talk(record) for record in records]
        begun = [Place(each, ROOT) for each in range(len(talks)) for _ in range(sampling.samples)]
        self._play(talks, begun, means, sampling, seed)
        return talks

    def _play(self, talks: Sequence[Talk], begun: Sequence[Place], means: Means, sampling: Sampling, seed: int) -> None:
        """Play conversations to their ends, and judge them."""
        if self.other is not None:
            self.other.to(next(means.policy.parameters()).device)
        rules = replace(self.rules, models=(None, self.other))
        play(talks, begun, rules, means.engine, means.policy, sampling, seed=seed)
        for talk in talks:
            judge_talk(talk, self.as_judged(talk.record), means.judge, self.rules, self.unanswered)

    @cached_property
    def rules(self) -> Rules:
        """The rules of a conversation."""
        first, second = self.prompts or DEFAULTS["prompts"]
        one, other = self.labels or DEFAULTS["labels"]
        words = tuple(self.stop_words or ())
        return Rules((first, second), (one, other), self.turns, words, self.repeats)

    def _rewards(self, talks: Sequence[Talk], means: Means) -> list[list[float]]:
        """The rewards of the conversations of each task."""
        if self.loss_weight:
            add_losses(talks, means.scorer, means.reference)
        return [self._reward(talk) for talk in talks]

    def _reward(self, talk: Talk) -> list[float]:
        tokens = [talk.tokens(each.leaf) for each in talk.ended]
        clear = [
            readability([talk.losses[at] for at in talk.path(each.leaf) if at in talk.losses], count, self.longest)
            if self.loss_weight
            else 0.0
            for each, count in zip(talk.ended, tokens, strict=True)
        ]
        task = [each.task for each in talk.ended]
        return conversation_rewards(task, tokens, clear, token_weight=self.token_weight, loss_weight=self.loss_weight)

    def _drawn(
        self,
        talk: Talk,
        rewards: list[float],
        counted: dict[str, float],
        speakers: tuple[str, str] = (POLICY, POLICY),
    ) -> Drawn:
        tree = talk.tree(rewards, speakers, self._valid)
        responses = [
            replace(tree.response(each.leaf), text=transcript(talk.said(each.leaf), self.rules.labels))
            for each in talk.ended
        ]
        return Drawn(tuple(responses), tree, tuple(rewards), {**told(talk, tree), **counted})
