"""Contrastive generation: its limits, the learning base model, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.cli.app import main
from penchant.diagnostics.novelty.exploration import Exploration, text_scores
from penchant.errors import ConfigurationError
from small_runs import model_folder, word_tokenizer

START, END = [3], 2


@pytest.fixture(scope="module")
def models() -> tuple[Any, Any]:
    return tiny_model("llama", seed=7).eval(), tiny_model("llama", seed=0).eval()


def explore(tuned: Any, base: Any, **settings: Any) -> list[Any]:
    settings = {"texts": 2, "length": 6, "beams": 1, **settings}
    return list(Exploration(**settings).run(tuned, base, word_tokenizer(), START, [END]))


def logits(model: Any, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1].float()


def test_alpha_one_is_greedy_decoding_of_the_tuned_model_without_its_end(models: tuple[Any, Any]) -> None:
    [found] = explore(*models, texts=1, alpha=1.0)
    ids = list(START)
    for _ in range(6):
        scores = logits(models[0], ids)
        scores[END] = -torch.inf
        ids.append(int(scores.argmax()))
    assert found.ids == ids[len(START) :]


def test_scores_are_those_of_plain_passes_token_by_token(models: tuple[Any, Any]) -> None:
    tuned, base = models
    for found in explore(tuned, base, gamma=0.5):
        for place, token in enumerate(found.ids):
            before = [*START, *found.ids[:place]]
            own, other = (logits(model, before).log_softmax(-1) for model in (tuned, base))
            assert found.scores[place] == pytest.approx(float(own[token] - 0.5 * other[token]), abs=1e-4)
            # Every token that is written is plausible to the tuned model, its end aside.
            own[END] = -torch.inf
            assert own[token] >= own.max() + torch.log(torch.tensor(0.1)) - 1e-4


def test_equal_models_have_nothing_new(models: tuple[Any, Any]) -> None:
    for found in explore(models[0], models[0], iterative=False):
        assert found.scores == pytest.approx([0.0] * 6, abs=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
def test_texts_have_the_length_and_never_end(models: tuple[Any, Any], beams: int) -> None:
    for found in explore(*models, beams=beams, alpha=0.0):
        assert len(found.ids) == 6 and END not in found.ids


def test_the_base_model_learns_each_text_in_a_copy(models: tuple[Any, Any]) -> None:
    tuned, base = models
    before = [each.clone() for each in base.parameters()]
    # With greedy decoding of the tuned model every text is the same; with a base that learns, c changes.
    static = explore(tuned, base, iterative=False, alpha=0.0, gamma=4.0, texts=3)
    learning = explore(tuned, base, iterative=True, alpha=0.0, gamma=4.0, texts=3, learning_rate=0.1)
    assert static[0].ids == learning[0].ids and [each.ids for each in static[1:]] != [each.ids for each in learning[1:]]
    assert all(torch.equal(one, other) for one, other in zip(before, base.parameters(), strict=True))


def test_after_a_step_the_same_text_is_less_new(models: tuple[Any, Any]) -> None:
    import copy

    from penchant.diagnostics.novelty.exploration import _learn

    tuned, base = models[0], copy.deepcopy(models[1])
    ids = [5, 6, 7, 8]
    before = sum(text_scores(tuned, base, START, ids))
    _learn(base, torch.optim.AdamW(base.parameters(), lr=1e-3), START, ids)
    assert sum(text_scores(tuned, base, START, ids)) < before


def test_nothing_to_start_from_is_an_error(models: tuple[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match="no token that a text could follow"):
        next(Exploration().run(*models, word_tokenizer(), [], [END]))


def test_the_command_writes_texts_with_their_newest_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model_folder(tmp_path / "base")
    tiny_model("llama", seed=7).save_pretrained(tmp_path / "tuned")
    word_tokenizer().save_pretrained(tmp_path / "tuned")
    words = ["novelty", str(tmp_path / "tuned"), "-n", "2", "--length", "5", "--prompt", "the"]
    assert main(words) == 1 and "Name the base with --base" in capsys.readouterr().err
    out = tmp_path / "new.json"
    page = tmp_path / "novelty.html"
    assert main([*words, "--base", str(tmp_path / "base"), "--json", str(out), "--html", str(page)]) == 0
    shown = page.read_text()
    assert shown.count('<th scope="row">') == len(json.loads(out.read_text())["texts"])
    assert (
        ">novelty, nats/token<" in shown
        and 'class="stack labelled"' in shown
        and "0 where tuning changed nothing" in shown
    )
    found = json.loads(out.read_text())
    assert [len(row["newest_tokens"]) for row in found["texts"]] == [5, 5] and found["iterative"] is True
    scores = [each["score"] for each in found["texts"][0]["newest_tokens"]]
    assert scores == sorted(scores, reverse=True) and found["texts"][0]["novelty"] == pytest.approx(sum(scores) / 5)
