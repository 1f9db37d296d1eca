"""Two agents with a number each; the answer is both numbers, so they must talk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penchant.lab.worlds.registry import WORLDS
from penchant.online.samplers.conversations.agents import reads

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["LABELS", "STOP_WORD", "AgentsWorld", "brief_reply", "build_words", "demonstrations", "script", "tasks"]

#: What stands before a turn of each agent, and the word that ends a conversation.
LABELS = ("one : ", "two : ")
STOP_WORD = "answer"

_FURTHER = "you are one two : . , a b i hold hello let us see what do thank is and so the answer"


def tasks(*, seed: int = 0, largest: int = 9) -> list[dict[str, Any]]:
    """All tasks for two agents, in a random order: the answer is both numbers.

    Args:
        seed: of the order.
        largest: largest number of the first agent; those of the second are the as many that follow.

    Returns:
        Records ``{"prompt", "partner_prompt", "answer"}``.

    Example:
        >>> task = tasks()[0]
        >>> task["prompt"], task["partner_prompt"], task["answer"]
        ('you are one . a is 2 .', 'you are two . b is 13 .', '2 13')
    """
    rows = [
        {
            "prompt": f"you are one . a is {one} .",
            "partner_prompt": f"you are two . b is {two} .",
            "answer": f"{one} {two}",
        }
        for one in range(largest + 1)
        for two in range(largest + 1, 2 * largest + 2)
    ]
    random.Random(seed).shuffle(rows)
    return rows


def script(task: dict[str, Any], rng: random.Random) -> list[str]:
    """A conversation as it is shown to the start model: it ends with the answer, and wastes tokens on the way.

    Args:
        task: one of `tasks`.
        rng: chooses among ways to talk.
    """
    numbers, names, answer = task["answer"].split(), "ab", f"answer {task['answer']}"
    said: list[str] = []
    told = [False, False]
    for turn in range(6):
        agent = turn % 2
        other, number = ("two", "one")[agent], f"{names[agent]} is {numbers[agent]}"
        if told[1 - agent] and (turn == 5 or rng.random() < 0.6):
            known = f"{number} and {names[1 - agent]} is {numbers[1 - agent]}"
            said.append(rng.choice([answer, f"{known} , so the {answer}", f"thank you . {known} , so the {answer}"]))
            break
        ways = {
            f"{number}": 1,
            f"i hold {number}": 3,
            f"hello {other} , let us see . i hold {number} . what do you hold": 4,
            f"hello {other} , let us see what you hold": 0 if turn else 2,
        }
        [way] = rng.choices(list(ways), list(ways.values()))
        told[agent] |= number in way
        said.append(way)
    return said


def brief_reply(task: dict[str, Any], said: list[str]) -> str:
    """What an agent says that wastes no token: the answer if its partner has told its number, else its own number.

    Args:
        task: one of `tasks`.
        said: the turns so far.

    Example:
        >>> task = tasks()[0]
        >>> brief_reply(task, ["hello two , let us see what you hold"]), brief_reply(task, ["a is 2"])
        ('b is 13', 'answer 2 13')
    """
    numbers, agent = task["answer"].split(), len(said) % 2
    if any(numbers[1 - agent] in text.split() for text in said[1 - agent :: 2]):
        return f"{STOP_WORD} {task['answer']}"
    return f"{'ab'[agent]} is {numbers[agent]}"


def demonstrations(
    rows: list[dict[str, Any]], *, copies: int = 1, seed: int = 0, brief: bool = False
) -> list[dict[str, Any]]:
    """The turns of `script` with what their speakers read: ``{"prompt", "completion"}``.

    Args:
        rows: tasks.
        copies: conversations about each.
        seed: of the ways to talk, and of the order.
        brief: whether each turn is what a brief agent says there, as a teacher's demonstrations.
    """
    rng = random.Random(seed)
    records = []
    for row in rows:
        for _ in range(copies):
            said = script(row, rng)
            for place, text in enumerate(said):
                prompt = row[("prompt", "partner_prompt")[place % 2]]
                shown = brief_reply(row, said[:place]) if brief else text
                records.append({"prompt": reads(prompt, said[:place], LABELS), "completion": shown})
    rng.shuffle(records)
    return records


def build_words(largest: int = 9) -> PreTrainedTokenizerFast:
    """A tokenizer with one token for each word and number of the world.

    Args:
        largest: as for `tasks`.

    Example:
        >>> build_words()("one : b is 3", add_special_tokens=False)["input_ids"]
        [6, 8, 12, 22, 30]
    """
    from penchant.lab.worlds.language.tokenizer import build_tokenizer

    words = [*_FURTHER.split(), *map(str, range(2 * largest + 2))]
    return build_tokenizer(words, reviews=False)


@WORLDS.register("agents")
@dataclass(frozen=True)
class AgentsWorld:
    """Two agents with half of the numbers each, who must exchange them to answer with both.

    Args:
        largest: as for `tasks`.
        held_out: tasks that nobody trains on.
    """

    largest: int = 9
    held_out: int = 30

    def rows(self, seed: int = 0) -> list[dict[str, Any]]:
        """All tasks in a random order, the first of them held out (``split`` test or train).

        Args:
            seed: of the order.
        """
        found = tasks(seed=seed, largest=self.largest)
        return [{**row, "split": "test" if place < self.held_out else "train"} for place, row in enumerate(found)]
