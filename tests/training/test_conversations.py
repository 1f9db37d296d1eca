"""Conversations in training: learned turns, tools and template arguments, records that a template refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from families import tiny_model
from penchant.checks.doctor import examine
from penchant.errors import DataError
from penchant.evaluation import score
from penchant.feedback import read
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Comparison, Source
from penchant.modalities.modality import Estimate
from penchant.rendering import Renderer
from penchant.training import Result, make_recipe
from penchant.training.dry_run import facts as facts_of
from penchant.training.preparation import Given, prepare
from penchant.training.progress import ProgressReporter
from rendering.templates_small import CONTENT, OPENS, REASONING, SPECIALS
from rendering.tokenizers_small import byte_level
from small_runs import largest_gap, losses, weights

REFUSING = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + CONTENT
Train = Callable[..., Result]


def user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


def says(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def chats(count: int = 6, system: int = 0) -> list[dict[str, Any]]:
    """Pairs of one turn, the first few of them with a system turn."""
    lead = {"role": "system", "content": "Be kind."}
    return [
        {
            "prompt": [*([lead] if number < system else []), user(f"Number {number}?")],
            "chosen": [says(f"It is {number}.")],
            "rejected": [says("What?" * (1 + number % 2))],
        }
        for number in range(count)
    ]


def early() -> list[dict[str, Any]]:
    """Conversations that part in the first answer."""
    return [
        {
            "chosen": [user("Hi"), says("Hello!"), user(f"How old are {number}?"), says(f"{number} days.")],
            "rejected": [user("Hi"), says("What?"), user("Never mind."), says("ok")],
        }
        for number in range(3)
    ]


def tokenizer() -> Any:
    return byte_level(specials=SPECIALS)


def model() -> torch.nn.Module:
    made: Any = tiny_model("llama")
    made.resize_token_embeddings(len(tokenizer()))
    return made  # type: ignore[no-any-return]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Two steps of DPO with a template of messages."""

    def run(name: str = "run", **changed: Any) -> Result:
        recipe: dict[str, Any] = {"chat_template": REFUSING, "objective": "dpo", "batch_size": 2, "max_steps": 2}
        recipe |= {"learning_rate": 1e-2, "samples": 0, "optimizer": "sgd", "warmup": 0.0, "output": tmp_path / name}
        return penchant.train(model=model(), tokenizer=tokenizer(), **{**recipe, **changed})

    return run


def test_records_that_the_template_refuses_are_counted_alike_everywhere(train: Train, tmp_path: Path) -> None:
    rows = chats(6, system=3)
    with pytest.raises(DataError, match=r"memory:1: .*no system turns.*--on-bad skip"):
        train(data=rows)
    result = train("skipped", data=rows, on_bad="skip", samples=2)
    assert result.summary["examples"] == 3
    assert result.summary["cut"]["dropped_because"] == {"cannot be rendered": 3}
    ours = Renderer(tokenizer(), chat_template=REFUSING)
    for on_bad, verdict in (("stop", "error"), ("skip", "warning")):
        diagnosis = examine(read(rows), ours, on_bad=on_bad)
        [check] = [each for each in diagnosis.checks if each.name == "records that cannot be rendered"]
        assert (check.value, check.verdict) == ("3 (50.0 %)", verdict)
    scores = score(model(), rows, tokenizer=tokenizer(), chat_template=REFUSING, on_bad="skip")
    assert len(scores) == 3 and scores.cut["dropped_because"] == {"cannot be rendered": 3}
    alone = train("alone", data=rows[3:])
    assert largest_gap(weights(result.folder), weights(alone.folder)) == 0


def test_conversations_that_part_early(train: Train) -> None:
    with pytest.raises(DataError, match=r"differ in turn 2.*train_on: assistant"):
        train(data=early())
    train("learned", data=early(), train_on="assistant", chat_template=CONTENT)
    pair = read(early(), train_on="assistant")[0]
    assert isinstance(pair, Comparison) and pair.prompt == [user("Hi")] and len(pair.chosen) == 3
    result = score(model(), early(), tokenizer=tokenizer(), chat_template=CONTENT, train_on="assistant")
    counts = [[response["tokens"] for response in row["responses"]] for row in result.rows]
    ours = Renderer(tokenizer(), chat_template=CONTENT)
    # The tokens of both answers and their end tokens, and nothing of the user's turn between them.
    own = [ours.response_ids(pair.prompt, text) for text in ("Hello!", "0 days.", "What?", "ok")]
    assert counts[0] == [len(own[0]) + len(own[1]), len(own[2]) + len(own[3])]


def test_a_step_with_context_is_the_same_in_parts(train: Train) -> None:
    whole = train("whole", data=early(), train_on="assistant", chat_template=CONTENT, batch_size=3, accumulate=1)
    parts = train("parts", data=early(), train_on="assistant", chat_template=CONTENT, batch_size=3, accumulate=3)
    assert losses(whole.folder) == pytest.approx(losses(parts.folder), abs=1e-6)
    assert largest_gap(weights(whole.folder), weights(parts.folder)) < 1e-6


def test_demonstrations_teach_one_answer_or_all(train: Train) -> None:
    rows = [{"messages": [user("Hi"), says("Hello!"), user("Bye?"), says("Bye.")]}]
    [last] = read(rows)
    [every] = read(rows, train_on="assistant")
    assert last.prompt == rows[0]["messages"][:3] and every.prompt == [user("Hi")]
    ours = Renderer(tokenizer(), chat_template=CONTENT)
    [one], [both] = ours.render_tokens(last)[1], ours.render_tokens(every)[1]
    assert one.learned is None and both.length == one.length + len(ours.response_ids([user("Hi")], "Hello!"))
    nll = train(data=rows, objective="nll", train_on="assistant", chat_template=CONTENT)
    assert nll.summary["examples"] == 1


def test_a_trailing_turn_of_the_user_is_refused_with_both() -> None:
    rows = [{key: [*value, user("thanks")] for key, value in early()[0].items()}]
    for train_on in ("last", "assistant"):
        with pytest.raises(DataError, match=r"turn of 'user'|do not answer the same history"):
            read(rows, train_on=train_on)  # type: ignore[arg-type]


def test_tools_and_arguments_of_records_reach_training() -> None:
    tools = ({"type": "function", "function": {"name": "weather"}},)
    common: dict[str, Any] = {"prompt": [user("weather?")], "chosen": "Sun.", "rejected": "Rain."}
    records = [
        Comparison(**common, source=Source("a", 1)),
        Comparison(**common, tools=tools, source=Source("a", 2)),
        Comparison(**common, template_arguments={"enable_thinking": False}, source=Source("a", 3)),
    ]
    recipe = make_recipe({"model": "unused", "data": "unused", "output": "unused", "chat_template": REASONING}, "test")
    given = Given(model(), tokenizer(), Feedback(records, kind="comparison"))
    prepared = prepare(recipe, given, ProgressReporter())
    ours = Renderer(tokenizer(), chat_template=REASONING)
    prompts = [ours.decode(each.views["chosen"][0].prompt) for each in prepared.supply.examples]
    assert len(set(prompts)) == 3 and '"weather"' in prompts[1] and prompts[2].endswith("<think>\n\n</think>\n\n")
    responses = [ours.decode(each.views["chosen"][0].response) for each in prepared.supply.examples]
    assert responses[2] == "Sun.<|im_end|>" and responses[0].startswith("<think>\n\n</think>\n\nSun.")


def test_texts_for_a_model_with_a_template_are_named_and_wrapped(tmp_path: Path) -> None:
    rows = [{"prompt": f"Number {number}?", "chosen": "One.", "rejected": "Two."} for number in range(3)]
    described = []
    for as_chat in (False, True):
        keys = {"model": "unused", "data": "unused", "output": "unused", "chat_template": CONTENT, "as_chat": as_chat}
        recipe = make_recipe(keys, "test")
        prepared = prepare(recipe, Given(model(), tokenizer(), rows), ProgressReporter())
        nothing = Estimate("a model", {}, 0.0)
        prepared.modality.estimate = lambda largest, nothing=nothing, **_more: nothing  # type: ignore[method-assign]
        described.append(facts_of(recipe, prepared))
        ours = Renderer(tokenizer(), chat_template=CONTENT, as_chat=as_chat)
        prompt = prepared.supply.examples[0].views["chosen"][0].prompt
        assert ours.decode(prompt) == (
            "<|im_start|>user\nNumber 0?<|im_end|>\n<|im_start|>assistant\n" if as_chat else "Number 0?"
        )
        names = {check.name for check in examine(read(rows), ours).checks}
        assert ("prompts outside the chat template" in names) is not as_chat
    assert "as_chat: true" in described[0]["chat template"] and "chat template" not in described[1]


def test_checks_name_identical_tokens_context_and_open_thoughts() -> None:
    def found(rows: list[dict[str, Any]], template: str) -> dict[str, tuple[str, str]]:
        diagnosis = examine(read(rows), Renderer(tokenizer(), chat_template=template))
        return {check.name: (check.value, check.verdict) for check in diagnosis.checks}

    same = [{"prompt": [user("Hi")], "chosen": [says("Yes")], "rejected": [says("Yes ")]}]
    assert found([*same, *chats(3)], CONTENT)["identical as tokens"] == ("1 (25.0 %)", "warning")
    heard = [
        {"prompt": [user("Hi")]}
        | {side: [says("look"), {"role": "tool", "content": text}, says("Done.")] for side, text in sides.items()}
        for sides in [{"chosen": "rain", "rejected": "snow and hail"}]
    ]
    checks = found([*heard, *chats(3)], CONTENT)
    assert checks["responses that differ in context only"] == ("1 (25.0 %)", "warning")
    assert checks["identical as tokens"][0] == "0"
    assert found(chats(2), OPENS)["thoughts left open"] == ("2 (100.0 %)", "warning")
    closed = [{"prompt": [user("Hi")], "chosen": "<think>\nA.\n</think>\n\nB", "rejected": "C</think>D"}]
    assert found(closed, OPENS)["thoughts left open"] == ("0", "ok")


def test_reasoning_that_a_template_drops_from_former_turns_is_a_note() -> None:
    asked = [user("Hi"), says("<think>\nGreet.\n</think>\n\nHello!"), user("Bye")]
    rows = [{"prompt": asked, "chosen": "Bye.", "rejected": "No."}, *chats(1)]
    for template, expected in ((REASONING, ["1 (50.0 %)"]), (CONTENT, [])):
        diagnosis = examine(read(rows), Renderer(tokenizer(), chat_template=template))
        notes = [check for check in diagnosis.checks if check.name == "reasoning left out of prompts"]
        assert [check.value for check in notes] == expected and not diagnosis.failed


def test_recipe_keys_are_written_and_read(tmp_path: Path) -> None:
    words = {
        "model": "m",
        "data": "d",
        "output": "o",
        "template_arguments.enable_thinking": False,
        "train_on": "assistant",
    }
    recipe = make_recipe(words, "command line")
    assert recipe.template_arguments == {"enable_thinking": False} and recipe.train_on == "assistant"
    assert json.loads(recipe.model_dump_json())["template_arguments"] == {"enable_thinking": False}
