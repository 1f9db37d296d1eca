"""A conversation with a model."""

from __future__ import annotations

from typing import Any

import pytest

from families import tiny_model
from penchant.generation import Sampling
from penchant.generation.chat import Chat
from penchant.generation.engine import generate
from penchant.rendering import Renderer
from small_runs import word_tokenizer

TEMPLATE = "{% for m in messages %}{{ m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"
GREEDY = Sampling(max_new_tokens=6, temperature=0.0)


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model("llama").eval()


def greedy(model: Any, renderer: Renderer, prompt: Any) -> str:
    options: dict[str, Any] = {"max_new_tokens": 6, "temperature": 0.0, "stop_token_ids": renderer.stop_token_ids}
    [[tokens]] = generate(model, renderer.tokenizer, [renderer.prompt_ids(prompt)], **options)
    return renderer.decode(tokens, skip_special_tokens=True)


def test_every_turn_sees_the_whole_conversation(model: Any) -> None:
    renderer = Renderer(word_tokenizer(), chat_template=TEMPLATE)
    chat = Chat(model, renderer, GREEDY, system="the car")
    first = chat.ask("which colour is the car")
    told: list[dict[str, Any]] = [
        {"role": "system", "content": "the car"},
        {"role": "user", "content": "which colour is the car"},
    ]
    assert first == greedy(model, renderer, told)
    second = chat.ask("is the hat red")
    told += [{"role": "assistant", "content": first}, {"role": "user", "content": "is the hat red"}]
    assert second == greedy(model, renderer, told) and chat.messages[:-1] == told
    chat.reset()
    assert chat.messages == told[:1] and chat.ask("which colour is the car") == first


def test_without_a_template_each_message_is_a_prompt(model: Any) -> None:
    renderer = Renderer(word_tokenizer())
    chat = Chat(model, renderer, GREEDY)
    assert not chat.remembers
    for _ in range(2):
        assert chat.ask("which colour is the car") == greedy(model, renderer, "which colour is the car")


def test_the_pieces_are_the_answer(model: Any) -> None:
    pieces: list[str] = []
    answer = Chat(model, Renderer(word_tokenizer()), GREEDY).ask("which colour is the car", pieces.append)
    assert len(pieces) > 1 and "".join(pieces).strip() == answer.strip()


def test_a_long_conversation_is_cut_on_the_left(model: Any) -> None:
    renderer = Renderer(word_tokenizer(), chat_template=TEMPLATE)
    chat = Chat(model, renderer, GREEDY, limit=16)
    for _ in range(4):
        chat.ask("which colour is the car and the hat and the door")
    assert len(chat.messages) == 8
