"""Conversations with a served model: its own words and probabilities, and requests that are refused."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.generation.policy_server import PolicyServer
from penchant.generation.served_chat import ServedChat
from penchant.likelihood.loading import load_model
from small_runs import model_folder

ASKED = [{"role": "user", "content": "which colour is the car"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def policy(folder: Path) -> ServedChat:
    return ServedChat(str(folder), "policy", "plain")


@pytest.fixture(scope="module")
def server(policy: ServedChat) -> Iterator[PolicyServer]:
    with PolicyServer(policy) as found:
        yield found


def answer(server: PolicyServer, **body: Any) -> dict[str, Any]:
    content = json.dumps({"messages": ASKED, "max_tokens": 4, **body}).encode()
    request = urllib.request.Request(f"{server.url}/chat/completions", content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        found: dict[str, Any] = json.loads(reply.read())
    return found


def test_probabilities_are_those_of_a_plain_pass(policy: ServedChat, server: PolicyServer, folder: Path) -> None:
    given = answer(server, temperature=0, logprobs=True, top_logprobs=5)
    [choice] = given["choices"]
    prompt = policy.renderer.prompt_ids(ASKED)
    assert given["usage"]["prompt_tokens"] == len(prompt)
    assert given["usage"]["total_tokens"] == len(prompt) + given["usage"]["completion_tokens"]
    assert choice["message"]["role"] == "assistant" and choice["finish_reason"] in ("stop", "length")
    model, ids = load_model(str(folder)).eval(), list(prompt)
    for each in choice["logprobs"]["content"]:
        with torch.no_grad():
            expected = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, -1], -1)
        likely = [own["logprob"] for own in each["top_logprobs"]]
        assert likely == pytest.approx(expected.topk(5).values.tolist(), abs=1e-4)
        assert each["logprob"] == pytest.approx(likely[0])  # greedy
        ids.append(int(expected.argmax()))


def test_several_answers_and_no_probabilities_where_none_are_asked_for(server: PolicyServer) -> None:
    given = answer(server, n=3, temperature=1.0, seed=1)
    assert [each["index"] for each in given["choices"]] == [0, 1, 2]
    assert all("logprobs" not in each for each in given["choices"])
    assert given["object"] == "chat.completion"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"messages": []}, "must be a list of messages"),
        ({"messages": [{"content": "x"}]}, "each with a role"),
        ({"messages": "hi"}, "must be a list of messages"),
        ({"max_tokens": 4000}, "maximum context length"),
        ({"max_tokens": "4"}, "'max_tokens' must be a whole number"),
        ({"logprobs": True, "top_logprobs": 21}, "from 0 to 20"),
        ({"model": "other"}, "no model 'other'"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(server: PolicyServer, body: dict[str, Any], said: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        answer(server, **body)
    assert caught.value.code in (400, 404) and said in json.loads(caught.value.read())["error"]["message"]


def test_a_tokenizer_without_a_template_says_which_to_choose(folder: Path) -> None:
    with PolicyServer(ServedChat(str(folder), "policy")) as bare, pytest.raises(urllib.error.HTTPError) as caught:
        answer(bare)
    assert "chat_template=plain" in json.loads(caught.value.read())["error"]["message"]
