"""How two agents play: turn by turn, many conversations at once, until each is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from penchant.generation.engines import Engine
from penchant.generation.responses import Sampling
from penchant.online.samplers.conversations.agents import Turn, in_format, prompt_of, reads
from penchant.online.samplers.conversations.talks import ANSWERED, LIMIT, REPEATING, TOO_LONG, Ended, Talk
from penchant.online.trees import ROOT

__all__ = ["Place", "Rules", "play"]

# Between the seeds of the turns of one game.
STRIDE = 1_009


class Place(NamedTuple):
    """Where a conversation stands: its task, its last turn (`ROOT` before the first), and the form it is asked for."""

    talk: int
    at: int
    form: str = ""


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
    begun: Sequence[Place],
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
        begun: for each conversation where it goes on from.
        rules: of the conversations.
        engine: speaks; it is given back with the policy in it.
        policy: the model in training.
        sampling: how one turn is sampled.
        seed: of all turns.
    """
    live = list(begun)
    step = 0
    while live := _going_on(talks, live, rules):
        depths = [len(talks[each.talk].path(each.at)) for each in live]
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
                live[each] = _after(talks[live[each].talk], live[each], turn)
            step += STRIDE
        live = [each for each in live if each.at >= ROOT]


def _going_on(talks: Sequence[Talk], live: Sequence[Place], rules: Rules) -> list[Place]:
    """The conversations that are not over; the others are entered as ended."""
    kept = []
    for each in live:
        if why := rules.over(talks[each.talk].said(each.at)):
            talks[each.talk].ended.append(Ended(each.at, why))
        else:
            kept.append(each)
    return kept


def _after(talk: Talk, place: Place, turn: Turn | None) -> Place:
    """Where a conversation stands after a turn; below the root if the agent could not read it."""
    if turn is None:
        talk.ended.append(Ended(place.at, TOO_LONG))
        return place._replace(at=ROOT - 1)
    return place._replace(at=talk.add(place.at, turn))


def _speak(
    talks: Sequence[Talk],
    live: Sequence[Place],
    agent: int,
    rules: Rules,
    engine: Engine,
    sampling: Sampling,
    seed: int,
) -> list[Turn | None]:
    """What an agent says in each conversation; None where it cannot read all of it.

    Those that stand at the same turn, and are asked for the same form, share one pass over what the agent reads.
    """
    copies: dict[Place, list[int]] = {}
    for row, each in enumerate(live):
        copies.setdefault(each, []).append(row)
    found: list[Turn | None] = [None] * len(live)
    for count in sorted({len(each) for each in copies.values()}):
        asked = {
            place: text
            for place, own in copies.items()
            if len(own) == count and _fits(engine, text := _read(talks[place.talk], place, agent, rules))
        }
        if not asked:
            continue
        answers = engine.sample(list(asked.values()), replace(sampling, samples=count, traced=0), seed=seed + count)
        for (place, text), several in zip(asked.items(), answers, strict=True):
            read = tuple(engine.prompt_ids(text))
            talks[place.talk].follow(place.at, read, engine.renderer.decode)
            plain = _read(talks[place.talk], place._replace(form=""), agent, rules)
            context = tuple(engine.prompt_ids(plain)) if place.form else read
            for row, answer in zip(copies[place], several, strict=True):
                found[row] = Turn(answer.ids, answer.text.strip(), context, read if place.form else None, place.form)
    return found


def _read(talk: Talk, place: Place, agent: int, rules: Rules) -> Any:
    """What the agent reads whose turn it is."""
    prompt = in_format(prompt_of(talk.record, rules.prompts[agent]), place.form)
    return reads(prompt, talk.said(place.at), rules.labels)


def _fits(engine: Engine, text: Any) -> bool:
    """Whether the agent reads all of it."""
    return engine.longest_prompt is None or len(engine.renderer.prompt_ids(text)) <= engine.longest_prompt
