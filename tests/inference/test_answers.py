"""Answers to many prompts: what they have in common is read once."""

from __future__ import annotations

from datetime import date
from typing import Any

from families import tiny_model
from penchant.feedback.records import Prompt
from penchant.generation import Sampling, build_engine
from penchant.inference.answers import Answering, _start, common_prefix
from penchant.inference.prompting.base import Prompting
from penchant.rendering.renderer import Renderer
from small_runs import word_tokenizer

RECORDS = [Prompt(prompt=text, fields={"id": place}) for place, text in enumerate(["red car", "old hat", "the"])]


class Long(Prompting):
    """A constant beginning; without an id it is not registered."""

    def ask(self, prompt: Any) -> str:
        return " ".join([*["the"] * 20, str(prompt)])


def answered(samples: int = 1) -> tuple[list[dict[str, Any]], list[tuple[int, ...]], Any]:
    engine: Any = build_engine({}, Renderer(word_tokenizer()))
    engine.use(tiny_model("llama"))
    shapes: list[tuple[int, ...]] = []

    def note(module: Any, arguments: Any, keywords: Any) -> None:
        shapes.append(tuple(keywords["input_ids"].shape))

    engine.model.register_forward_pre_hook(note, with_kwargs=True)
    sampling = Sampling(samples, 4, 0.0 if samples == 1 else 1.0)
    return list(Answering(engine, sampling, Long()).rows(RECORDS)), shapes, engine


def test_a_common_beginning_is_read_once_and_changes_nothing() -> None:
    rows, shapes, engine = answered()
    assert shapes[0] == (1, 20) and all(shape[1] <= 2 for shape in shapes[1:])
    engine.prefix = None
    plain = engine.sample([Long().ask(each.prompt) for each in RECORDS], Sampling(1, 4, 0.0), seed=0)
    assert [row["response"] for row in rows] == [each.text for [each] in plain]
    assert [row["id"] for row in rows] == [0, 1, 2]
    assert all(len(row["samples"]) == 2 for row in answered(samples=2)[0])


def test_the_common_prefix_leaves_a_token_of_every_prompt() -> None:
    assert common_prefix([[1, 2], [1, 2]]) == [1] and common_prefix([[1, 2, 3], [1, 2]]) == [1]
    assert common_prefix([[1, 2, 3, 9], [1, 2, 4], [1, 2, 3]]) == [1, 2] and common_prefix([[5], [6, 7]]) == []


def test_values_that_json_does_not_have_are_texts() -> None:
    assert _start(Prompt(prompt="Hi", fields={"day": date(2020, 1, 2), "level": 2})) == {
        "prompt": "Hi", "day": "2020-01-02", "level": 2,
    }  # fmt: skip
