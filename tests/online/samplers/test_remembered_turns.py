"""Keys and values along the branches of conversations: the same words as without, each token read once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from families import tiny_model
from penchant.feedback.records import Prompt
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Sampling
from penchant.generation.server_engine import ServerEngine
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.loading import load_model
from penchant.online.samplers.conversations.conversation import Conversation
from penchant.online.samplers.conversations.conversation_tree import ConversationTree
from penchant.online.samplers.conversations.remembering import forgets
from penchant.online.samplers.sampler import Means
from penchant.rendering.renderer import Renderer
from penchant.rewards import build_judge
from small_judges import JUDGES
from small_runs import word_tokenizer

TASKS = [
    Prompt(prompt="which colour is the car", fields={"partner_prompt": "the hat is very old and the car"}),
    Prompt(prompt="the cup", fields={"partner_prompt": "which colour"}),
]
SAMPLERS = {"conversation": Conversation, "conversation-tree": ConversationTree}


def means(model: Any, template: str | None = None) -> Means:
    engine = TransformersEngine(Renderer(word_tokenizer(), chat_template=template))
    engine.use(model)
    return Means(engine, build_judge({"name": "function", "path": f"{JUDGES}:reds"}, []), policy=model)


def drawn(given: Means, name: str = "conversation", tasks: list[Prompt] = TASKS, samples: int = 3, **keys: Any) -> Any:
    more = {"explore": 3} if name == "conversation-tree" else {}
    sampler = SAMPLERS[name](**{"turns": 6, "repeats": 6, **more, **keys})
    return sampler.draw(tasks, given, Sampling(samples, 4), seed=3)


def same(one: Any, other: Any) -> bool:
    """Whether two draws hold the same turns, read and said with the same tokens."""
    return all(
        [(node.ids, node.context, node.parent, repr(node.score)) for node in first.tree.nodes]
        == [(node.ids, node.context, node.parent, repr(node.score)) for node in second.tree.nodes]
        for first, second in zip(one, other, strict=True)
    )


def least(found: Any) -> int:
    """The tokens that have to be read: each beginning of what an agent has read and said counts once."""
    texts = {(*node.context, *node.ids[:-1]) for each in found for node in each.tree.nodes}
    return len({text[: place + 1] for text in texts for place in range(len(text))})


@pytest.mark.parametrize("name", SAMPLERS)
def test_two_agents_say_the_same_with_it_and_read_less(name: str, folder: Path) -> None:
    given = means(load_model(folder))
    plain, kept = drawn(given, name, keep_cache=False), drawn(given, name)
    assert same(kept, plain)
    read, before = (sum(each.facts["tokens_read"] for each in found) for found in (kept, plain))
    saved = sum(each.facts["prefix_tokens_saved"] for each in kept)
    assert read + saved == pytest.approx(before) and read < 0.6 * before
    assert kept[0].facts["prefix_share_saved"] == pytest.approx(saved / before)
    assert plain[0].facts["prefix_tokens_saved"] == 0
    assert isinstance(given.engine, InProcessEngine) and given.engine.memory is None


def test_each_token_is_forwarded_once(folder: Path) -> None:
    model, counts = load_model(folder), list[int]()

    def count(module: Any, arguments: Any, keywords: Any) -> None:
        ids = keywords["input_ids"]
        mask = keywords.get("attention_mask")  # left out where nothing is padded
        counts.append(ids.numel() if mask is None else int(mask[:, -ids.shape[1] :].sum()))

    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    found = drawn(means(model), tasks=TASKS[:1], samples=1)
    once = sum(counts)
    counts.clear()
    drawn(means(model), tasks=TASKS[:1], samples=1, keep_cache=False)
    hook.remove()
    assert once == least(found) == found[0].facts["tokens_read"]
    assert sum(counts) == sum(len(node.context) + len(node.ids) - 1 for node in found[0].tree.nodes) > 1.8 * once


def test_of_two_models_each_remembers_what_it_has_read_itself(folder: Path) -> None:
    given = means(load_model(folder))
    kept = drawn(given, partner=str(folder))
    assert same(kept, drawn(given, partner=str(folder), keep_cache=False))
    assert kept[0].facts["prefix_tokens_saved"] > 0


TURNING = "{% for m in messages %}{{ m.role if loop.last else '' }} {{ m.content }} {% endfor %}"


def test_a_template_that_writes_earlier_turns_otherwise_is_read_anew_and_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [{"role": "user", "content": "which colour is the car"}]
    tasks = [Prompt(prompt=asked, fields={"partner_prompt": [{"role": "user", "content": "the hat"}]})]
    given = means(load_model(folder), TURNING)
    with caplog.at_level(logging.WARNING, logger="penchant"):
        kept = drawn(given, tasks=tasks)
    assert len([each for each in caplog.messages if "does not begin with what it read before" in each]) == 1
    assert kept[0].facts["prefix_tokens_changed"] > 0
    assert same(kept, drawn(given, tasks=tasks, keep_cache=False))


@pytest.mark.parametrize("family", ["mistral-sliding", "mamba"])
def test_a_model_that_keeps_nothing_says_why_once(family: str, caplog: pytest.LogCaptureFixture) -> None:
    given, sampler = means(tiny_model(family)), Conversation(turns=4)
    with caplog.at_level(logging.WARNING, logger="penchant"):
        [found] = sampler.draw(TASKS[:1], given, Sampling(2, 4), seed=0)
        sampler.draw(TASKS[:1], given, Sampling(2, 4), seed=1)
    why = {"mistral-sliding": "sliding window", "mamba": "another kind of state"}[family]
    assert len([each for each in caplog.messages if "are not kept from turn to turn" in each and why in each]) == 1
    assert found.facts["prefix_tokens_saved"] == 0 < found.facts["tokens_read"]
    assert same([found], Conversation(turns=4, keep_cache=False).draw(TASKS[:1], given, Sampling(2, 4), seed=0))


def test_engines_that_cannot_keep_anything_say_why() -> None:
    renderer = Renderer(word_tokenizer())
    assert "by itself" in forgets(ServerEngine(renderer, url="http://localhost:1/v1", model="m"))
    assert "repetition_penalty" in forgets(TransformersEngine(renderer, options={"repetition_penalty": 1.1}))

    class Own(TransformersEngine):
        id = ""

        def sample(self, *given: Any, **more: Any) -> Any:
            return super().sample(*given, **more)

    assert "a way of its own" in forgets(Own(renderer))
    assert forgets(TransformersEngine(renderer), (tiny_model("llama"), None)) == ""
