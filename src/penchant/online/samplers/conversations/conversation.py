"""`Conversation`: conversations of two agents, one by one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from annotated_types import Ge, Gt

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record
from penchant.generation.responses import Sampling
from penchant.online.samplers.conversations.playing import Place
from penchant.online.samplers.conversations.talks import Talk
from penchant.online.samplers.conversations.two_agents import TwoAgents
from penchant.online.samplers.sampler import Drawn, Means
from penchant.online.trees import ROOT, Tree

__all__ = ["Conversation"]


class Conversation(TwoAgents):
    """Conversations of two agents about each task, ``samples_per_prompt`` of them, each from its beginning.

    In the first ``format_rounds`` rounds each conversation is asked for one of ``formats``, drawn at random, so that a
    model that only knows one way to talk tries several. What is trained is the turns after the plain prompts, without
    the request.

    Reference:
        Chen et al. (2024), Optima: Optimizing Effectiveness and Efficiency for LLM-Based Multi-Agent System, section
        2.2, initialisation with a pool of formats.
    """

    id = "conversation"

    formats: Annotated[
        list[str] | None, "texts that ask for a form, such as 'Speak in JSON.'; one is drawn for a conversation"
    ] = None
    format_rounds: Annotated[int, Gt(0), "rounds, from the first on, in which a form is asked for"] = 1
    format_temperature: Annotated[
        float | None, Ge(0), "sampling temperature of these rounds; default: the recipe's"
    ] = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if self.formats is not None and not all(each.strip() for each in self.formats):
            raise ConfigurationError(
                "One of the formats is empty.",
                where="sampler.formats",
                fix="Give texts that ask for a form, or leave formats out.",
            )

    @property
    def faithful(self) -> bool:
        """See `Sampler.faithful`: what is trained after a plain prompt was said after a request for a form."""
        return self.draws and not self.formats

    def _drawn(self, talk: Talk, *given: Any) -> Drawn:
        """With the number of the form that each turn was asked for, as a fact of its node."""
        found = super()._drawn(talk, *given)
        if found.tree is None or not any(turn.form for turn in talk.turns):
            return found
        forms = list(self.formats or ())
        nodes = (
            replace(node, facts={**node.facts, "form": float(forms.index(turn.form))})
            for node, turn in zip(found.tree.nodes, talk.turns, strict=True)
        )
        return replace(found, tree=Tree(tuple(nodes)))

    def _played(self, records: Sequence[Record], means: Means, sampling: Sampling, seed: int) -> list[Talk]:
        if not self.formats or means.finished >= self.format_rounds:
            return super()._played(records, means, sampling, seed)
        talks, draw = [Talk(record) for record in records], random.Random(seed)
        begun = [
            Place(each, ROOT, draw.choice(self.formats)) for each in range(len(talks)) for _ in range(sampling.samples)
        ]
        warmth = sampling.temperature if self.format_temperature is None else self.format_temperature
        self._play(talks, begun, means, replace(sampling, temperature=warmth), seed)
        return talks
