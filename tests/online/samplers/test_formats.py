"""Forms that two agents are asked for in the first rounds, and that nobody is trained after."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from online.samplers.test_remembered_turns import TASKS, drawn, means, same
from online.test_conversations import keys_of, refused
from penchant.generation.responses import Sampling
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.loading import load_model
from penchant.online.samplers.conversations.conversation import Conversation

FORMS = ["red red red", "old old"]


def test_what_is_read_has_a_form_and_what_is_trained_after_has_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, read = means(load_model(folder)), list[str]()
    original = TransformersEngine.sample

    def heard(self: TransformersEngine, prompts: Any, sampling: Sampling, *, seed: int) -> Any:
        assert sampling.temperature == 0.3
        read.extend(prompts)
        return original(self, prompts, sampling, seed=seed)

    monkeypatch.setattr(TransformersEngine, "sample", heard)
    found = Conversation(turns=4, formats=FORMS, format_temperature=0.3).draw(TASKS, given, Sampling(4, 4), seed=1)
    assert {form for form in FORMS for text in read if form in text} == set(FORMS)
    assert all(any(form in text for form in FORMS) for text in read)
    firsts = [node for each in found for node in each.tree.nodes if node.parent == -1]
    plain = [tuple(given.engine.prompt_ids(f"{task.prompt}\nA: ")) for task in TASKS]
    assert {node.context for node in firsts} == set(plain)
    assert {node.facts["form"] for node in firsts} == {0.0, 1.0}


def test_after_its_rounds_nothing_is_asked_for_any_more(folder: Path) -> None:
    given = replace(means(load_model(folder)), finished=1)
    plain, asked = drawn(given), drawn(given, formats=FORMS, format_rounds=2)
    assert same(drawn(given, formats=FORMS), plain) and not same(asked, plain)
    assert same(asked, drawn(given, formats=FORMS, format_rounds=2, keep_cache=False))
    assert asked[0].facts["prefix_tokens_saved"] > 0


def test_a_run_asks_in_its_first_round(online: Run, tmp_path: Path) -> None:
    keys = keys_of(tmp_path, "optima-isft") | {"iterations": 1}
    plain = online("plain", **keys)
    keys["sampler"] = {**keys["sampler"], "formats": FORMS}
    done = online("run", **keys)

    def said(run: Path) -> list[str]:
        rollouts = json.loads((run / "rounds" / "00001" / "rollouts.json").read_text(encoding="utf-8"))
        return [response["text"] for each in rollouts for response in each["responses"]]

    assert said(done.folder) != said(plain.folder) and done.summary["steps"] > 0


def test_an_empty_form_and_a_policy_gradient_are_refused(online: Run, tmp_path: Path) -> None:
    talk = {"name": "conversation", "turns": 4}
    refused(online, tmp_path, "One of the formats is empty", sampler={**talk, "formats": ["red", " "]})
    own = "does not draw from the policy's own distribution"
    refused(online, tmp_path, own, "oprl", sampler={**talk, "formats": FORMS})
