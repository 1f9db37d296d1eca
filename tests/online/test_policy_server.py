"""A server samples what is trained on: its ids as they are, its weights as they were sent, or corrected for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from misbehaving_server import misbehaving
from online.conftest import Run
from online.test_samples import rollouts
from penchant.errors import ConfigurationError, ModelError
from penchant.generation import Sampling, ServerEngine, TransformersEngine
from penchant.generation.answers import BadAnswer
from penchant.generation.completion import responses_in
from penchant.generation.policy_server import PolicyServer
from penchant.generation.served_policy import BadRequest, ServedPolicy
from penchant.likelihood.loading import load_model
from penchant.online.staleness import truncated
from penchant.rendering.renderer import Renderer
from small_runs import metrics, word_tokenizer

PROMPT = "which colour is the car"


@pytest.fixture
def server(folder: Path) -> Iterator[PolicyServer]:
    with PolicyServer(ServedPolicy(str(folder), "policy")) as found:
        yield found


def engine_keys(server: PolicyServer, **more: Any) -> dict[str, Any]:
    return {"name": "server", "url": server.url, "model": "policy", "attempts": 1, **more}


@pytest.mark.parametrize("interface", ["completions", "generate"])
def test_a_served_model_answers_as_the_model_in_process(folder: Path, server: PolicyServer, interface: str) -> None:
    remote = ServerEngine(Renderer(word_tokenizer()), url=server.url, model="policy", attempts=1, interface=interface)
    local = TransformersEngine(Renderer(word_tokenizer()))
    local.use(load_model(str(folder)))
    sampling = Sampling(4, 6, 0.7, traced=4)
    # /generate takes no seed: the stand-in draws with 0.
    [given], [expected] = (
        each.sample([PROMPT], sampling, seed=3 * (interface == "completions")) for each in (remote, local)
    )
    assert [each.ids for each in given] == [each.ids for each in expected]
    assert [each.text for each in given] == [each.text for each in expected]
    for one, other in zip(given, expected, strict=True):
        assert one.logps is not None and other.logps is not None
        torch.testing.assert_close(torch.tensor(one.logps), torch.tensor(other.logps), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("update", "interface"),
    [
        ("vllm", "completions"),
        ("sglang", "completions"),
        ("sglang", "generate"),
        ("vllm-lora", "completions"),
        ("sglang-lora", "completions"),
        ("sglang-lora", "generate"),
    ],
)
def test_the_served_policy_follows_training(online: Run, server: PolicyServer, update: str, interface: str) -> None:
    lora = {"lora": {"rank": 2}} if update.endswith("lora") else {}
    engine = engine_keys(server, update=update, interface=interface)
    keys: dict[str, Any] = {"method": "grpo", "engine": engine, "learning_rate": 0.02}
    run = online(temperature=0.7, save_rounds=3, **keys, **lora)
    first, last = rollouts(run, 1), rollouts(run, 3)
    assert {each["version"] for each in first} == {0} and {each["version"] for each in last} == {2}
    assert first[0]["settings"]["engine"]["update"] == update
    gaps = [row["sampled/logp_gap_largest"] for row in metrics(run.folder).values() if "sampled/logp_gap" in row]
    assert len(gaps) == 3 and max(gaps) < 1e-3, "generator and trainer agree in every round"
    assert len(list((run.folder / "weights").iterdir())) == 1, "former versions are deleted"
    assert len(server.policy.adapters) == (1 if lora else 0)
    assert not any("differ" in text for text in run.summary["warnings"])


def test_a_server_with_its_own_weights_is_refused_or_corrected(online: Run, server: PolicyServer) -> None:
    keys: dict[str, Any] = {"method": "grpo", "engine": engine_keys(server), "iterations": 2, "learning_rate": 0.05}
    with pytest.raises(ConfigurationError, match=r"engine: The engine has its own weights.*staleness=token"):
        online(**keys)
    run = online(**keys, staleness="token", staleness_cap=1.5, logp_alarm=1e-3)
    first, second = rollouts(run, 1), rollouts(run, 2)
    assert all(abs(weight - 1) < 1e-3 for each in first for own in each["weights"] for weight in own)
    away = [weight for each in second for own in each["weights"] for weight in own]
    assert max(away) == 1.5 and min(away) < 0.9, "the policy has moved, the server has not"
    for each in second:
        for answer, policy, own in zip(each["responses"], each["old_logps"], each["weights"], strict=True):
            assert own == pytest.approx(truncated(policy, answer["logps"], "token", 1.5))
    assert any("differ by" in text and "logp_alarm" in text for text in run.summary["warnings"])
    assert {each["version"] for each in second} == {0}
    assert online("whole", **keys, staleness="sequence").summary["steps"] > 0


def test_a_server_without_token_ids_is_refused_for_policy_gradients(online: Run) -> None:
    with misbehaving() as other:
        keys: dict[str, Any] = {"server": other.url("good"), "engine.attempts": 1, "iterations": 1}
        with pytest.raises(ModelError, match=r"gives no token ids.*return_token_ids"):
            online(method="grpo", staleness="token", **keys)
        run = online(objective="nll", pairing="best", **keys)
        assert any("tokenised again" in text for text in run.summary["warnings"])


def test_an_adapter_of_sglang_is_not_a_model_and_one_of_vllm_is(online: Run, server: PolicyServer) -> None:
    """SGLang serves the base weights where an adapter is named as the model, and vLLM knows no lora_path."""
    online(method="grpo", engine=engine_keys(server, update="sglang-lora"), lora={"rank": 2}, iterations=1)
    [adapter] = server.policy.adapters
    ask = server.policy.complete
    assert (
        ask({"prompt": PROMPT, "lora_path": adapter})["choices"]
        == ask({"prompt": PROMPT, "model": f"policy:{adapter}"})["choices"]
    )
    with pytest.raises(BadRequest, match="There is no model 'penchant-0'"):
        ask({"prompt": PROMPT, "model": adapter})


def test_an_adapter_cannot_be_sent_without_one(online: Run, server: PolicyServer) -> None:
    with pytest.raises(
        ConfigurationError, match=r"engine.update: .*takes an adapter, but the run trains whole weights"
    ):
        online(method="grpo", engine=engine_keys(server, update="vllm-lora"))


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"token_ids": [5, -1]}, "token ids are not a list"),
        ({"token_ids": "5"}, "token ids are not a list"),
        ({"token_ids": [5] * 200, "finish_reason": "length"}, "a response of 200 tokens, where at most 8"),
        ({"token_ids": [5, 2], "logprobs": {"token_logprobs": [-1.0]}}, "2 tokens whose log-probabilities"),
        ({"token_ids": [5, 2], "logprobs": {"token_logprobs": [-1.0, 3.0]}}, "2 tokens whose log-probabilities"),
        ({"logprobs": {"tokens": ["token_id:5", "token_id:x"]}}, "token ids are not a list"),
    ],
)
def test_ids_that_cannot_be_are_never_used(choice: dict[str, Any], told: str) -> None:
    answer = {"choices": [{"text": "a", "finish_reason": "stop", **choice}]}
    with pytest.raises(BadAnswer, match=told):
        responses_in(answer, Sampling(max_new_tokens=8), lambda text: [5, 2], ends=[2])


def test_an_end_token_that_a_server_leaves_out_is_added_without_a_probability() -> None:
    choice = {"text": "a", "finish_reason": "stop", "token_ids": [5], "logprobs": {"token_logprobs": [-0.5]}}
    [found] = responses_in({"choices": [choice]}, Sampling(), lambda text: [7, 2], ends=[2])
    assert found.ids == (5, 2) and found.logps is None and found.finished


def test_requests_that_cannot_be_answered_are_said_to_be(server: PolicyServer, tmp_path: Path) -> None:
    import urllib.error
    import urllib.request

    def ask(path: str, body: Any) -> tuple[int, str]:
        root = server.url.removesuffix("/v1")
        given = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(root + path, given)) as found:
                return found.status, found.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["error"]["message"]

    assert ask("/v1/completions", {"prompt": PROMPT, "n": 0}) == (400, "'n' must be a whole number from 1 to 4096.")
    assert (
        ask("/v1/completions", {"prompt": PROMPT, "temperature": -1})[1]
        == "'temperature' must be a number, at least 0."
    )
    assert ask("/v1/completions", {"prompt": PROMPT, "repetition_penalty": 1.2})[1].startswith(
        "'repetition_penalty' is not supported here"
    )
    assert ask("/generate", {"text": PROMPT, "sampling_params": 3})[1] == "'sampling_params' must be an object."
    assert ask("/v1/completions", {"prompt": [["a"]]})[1] == "'prompt' must be one text or one list of token ids."
    assert ask("/v1/completions", {"prompt": PROMPT, "model": "other"}) == (
        404,
        "There is no model 'other'. Known: policy.",
    )
    assert ask("/v1/completions", b"{")[1] == "The request is not JSON."
    assert ask("/v1/chat", {})[0] == 404
    assert ask("/update_weights_from_disk", {"model_path": "gpt2"}) == (
        400,
        "'model_path' must be a folder of this machine.",
    )
    assert ask("/v1/unload_lora_adapter", {"lora_name": "none"})[0] == 404
    assert ask("/collective_rpc", {"method": "exec"})[1] == "The only method is 'reload_weights'."
    assert ask("/v1/completions", {"prompt": [1, 5], "max_tokens": 2, "top_p": 0.5, "logprobs": 1})[0] == 200
