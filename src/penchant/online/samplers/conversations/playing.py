"""How two agents play: turn by turn, many conversations at once, until each is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from penchant.generation.engines import Engine
from penchant.generation.responses import Response, Sampling
from penchant.online.samplers.conversations.agents import Turn, prompt_of, reads
from penchant.online.samplers.conversations.talks import ANSWERED, LIMIT, REPEATING, TOO_LONG, Ended, Talk
from penchant.online.trees import ROOT

__all__ = ["Rules", "play"]

# Between the seeds of the turns of one game.
STRIDE = 1_009


@dataclass(frozen=True)
class Rules:
    """The rules of a conversation.

    Args:
        prompts: the fields of a record that the first and the second agent read.
        labels: what stands before a turn of each.
        turns: most turns of a conversation, both agents' together.
        stop_words: texts that end a conversation.
        repeats: a conversation ends when an agent says the same this often in a row.
        models: for each agent the model that speaks, None for the policy.
    """

    prompts: tuple[str, str]
    labels: tuple[str, str]
    turns: int
    stop_words: tuple[str, ...]
    repeats: int
    models: tuple[Any, Any] = (None, None)

    def over(self, said: Sequence[str]) -> str:
        """How a conversation ends after these turns; empty if it goes on.

        Example:
            >>> rules = Rules(("prompt", "other"), ("A: ", "B: "), 6, ("answer",), 2)
            >>> rules.over(["x = 3", "answer 7"]), rules.over(["a", "b", "a", "b"]), rules.over(["a", "b"])
            ('answered', 'repeating', '')
        """
        if not said:
            return ""
        if any(word in said[-1] for word in self.stop_words):
            return ANSWERED
        own = said[-1::-2][: self.repeats]
        if len(own) == self.repeats and len(set(own)) == 1:
            return REPEATING
        return LIMIT if len(said) >= self.turns else ""


def play(
    talks: Sequence[Talk],
    begun: Sequence[tuple[int, int]],
    rules: Rules,
    engine: Engine,
    policy: Any,
    sampling: Sampling,
    *,
    seed: int,
) -> None:
    """Play conversations to their ends, all of them one turn at a time; the talks grow.

    Args:
        talks: one for each task.
        begun: for each conversation the task and the turn that it goes on from (`ROOT` for the beginning).
        rules: of the conversations.
        engine: speaks; it is given back with the policy in it.
        policy: the model in training.
        sampling: how one turn is sampled.
        seed: of all turns.
    """
    live = list(begun)
    step = 0
    while live := _going_on(talks, live, rules):
        depths = [len(talks[talk].path(at)) for talk, at in live]
        for agent in (0, 1):
            speaking = [place for place, depth in enumerate(depths) if depth % 2 == agent]
            model = rules.models[agent]
            if model is not None:
                engine.use(model)
            try:
                spoken = _speak(talks, [live[each] for each in speaking], agent, rules, engine, sampling, seed + step)
            finally:
                if model is not None:
                    engine.use(policy)
            for each, turn in zip(speaking, spoken, strict=True):
                live[each] = _after(talks[live[each][0]], live[each], turn)
            step += STRIDE
        live = [each for each in live if each[1] >= ROOT]


def _going_on(talks: Sequence[Talk], live: Sequence[tuple[int, int]], rules: Rules) -> list[tuple[int, int]]:
    """The conversations that are not over; the others are entered as ended."""
    kept = []
    for talk, at in live:
        if why := rules.over(talks[talk].said(at)):
            talks[talk].ended.append(Ended(at, why))
        else:
            kept.append((talk, at))
    return kept


def _after(talk: Talk, at: tuple[int, int], turn: Turn | None) -> tuple[int, int]:
    """Where a conversation stands after a turn; below the root if the agent could not read it."""
    if turn is None:
        talk.ended.append(Ended(at[1], TOO_LONG))
        return at[0], ROOT - 1
    return at[0], talk.add(at[1], turn)


def _speak(
    talks: Sequence[Talk],
    live: Sequence[tuple[int, int]],
    agent: int,
    rules: Rules,
    engine: Engine,
    sampling: Sampling,
    seed: int,
) -> list[Turn | None]:
    """What an agent says in each conversation; None where it cannot read all of it.

    Conversations that stand at the same turn share one pass over what the agent reads.
    """
    copies: dict[tuple[int, int], list[int]] = {}
    for place, each in enumerate(live):
        copies.setdefault(each, []).append(place)
    found: list[Turn | None] = [None] * len(live)
    for count in sorted({len(each) for each in copies.values()}):
        places = [each for each, own in copies.items() if len(own) == count]
        texts = [
            reads(prompt_of(talks[talk].record, rules.prompts[agent]), talks[talk].said(at), rules.labels)
            for talk, at in places
        ]
        fits = [_fits(engine, each) for each in texts]
        asked = [text for text, good in zip(texts, fits, strict=True) if good]
        if not asked:
            continue
        answers = iter(engine.sample(asked, replace(sampling, samples=count, traced=0), seed=seed + count))
        for key, text, good in zip(places, texts, fits, strict=True):
            if good:
                context = tuple(engine.prompt_ids(text))
                talks[key[0]].follow(key[1], context, engine.renderer.decode)
                for place, answer in zip(copies[key], next(answers), strict=True):
                    found[place] = _turn(answer, context)
    return found


def _turn(answer: Response, context: tuple[int, ...]) -> Turn:
    return Turn(answer.ids, answer.text.strip(), context)


def _fits(engine: Engine, text: Any) -> bool:
    """Whether the agent reads all of it."""
    return engine.longest_prompt is None or len(engine.renderer.prompt_ids(text)) <= engine.longest_prompt
