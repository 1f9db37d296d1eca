"""Checkpoints of a run against its start: divergence by their own samples, the front, and the page."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import penchant
from penchant.errors import ModelError
from penchant.evaluation.policies.checkpoints import all_checkpoints, find_checkpoint
from penchant.evaluation.policies.judging import judge_pairs, judged_checkpoints
from penchant.evaluation.policies.policy import Policy, divergence_of, renderers_of
from penchant.evaluation.report.evaluation_page import figure_rows, on_frontier, write_evaluation
from penchant.feedback.reading import read
from penchant.feedback.records import Text
from penchant.generation.responses import Sampling
from penchant.rewards.judge import Judge
from small_runs import model_folder, pairs

RECORDS = list({repr(each.prompt): each for each in read(pairs(12))}.values())


class Length(Judge):
    """Longer is better."""

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        return [float(len(each)) for each in responses]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def run(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = {"max_steps": 4, "save_every": 2, "keep_checkpoints": 4, "batch_size": 4, "samples": 0}
    folder = tmp_path_factory.mktemp("run") / "run"
    return penchant.train(start, pairs(12), output=folder, learning_rate=0.05, **recipe).folder


def test_the_start_has_no_divergence_and_a_trained_model_has_that_of_its_own_samples(start: Path, run: Path) -> None:
    prompts = [each.prompt for each in RECORDS] * 8
    [own, theirs] = renderers_of([find_checkpoint(str(run))], reference=str(start))
    base, policy = Policy(str(start), theirs), Policy(str(run / "model"), own)
    assert divergence_of(base.draw(prompts, 6, 0), base).value == 0.0
    drawn = policy.draw(prompts, 1, 0)
    found = divergence_of(drawn, base)
    # For one token the divergence is known exactly.
    exact = []
    with torch.no_grad():
        for ids in drawn.prompts:
            own, other = (
                each.network(torch.tensor([ids])).logits[0, -1].double().log_softmax(-1) for each in (policy, base)
            )
            exact.append(float((own.exp() * (own - other)).sum()))
    assert found.low - 0.1 <= sum(exact) / len(exact) <= found.high + 0.1 and found.value > 0


def test_one_prompt_gives_a_divergence_without_an_interval(run: Path, start: Path) -> None:
    checkpoint = find_checkpoint(str(run))
    found, _ = judged_checkpoints([checkpoint], str(start), RECORDS[:1], Length(), Sampling(max_new_tokens=3))
    kl = found[0].divergence
    assert kl is not None and math.isfinite(kl.value) and math.isnan(kl.low) and math.isnan(kl.high)
    assert found[0].metrics["samples/kl"] == kl.value and "samples/kl/low" not in found[0].metrics
    assert found[0].as_dict()["divergence"] == {"value": kl.value, "low": None, "high": None}
    assert figure_rows(found)[0][5] == "one prompt"


def test_the_checkpoints_of_a_run_come_by_step_and_find_their_tokenizer(run: Path, start: Path) -> None:
    found = all_checkpoints(str(run))
    assert [Path(each.model).name for each in found] == ["checkpoint-2", "checkpoint-4", "model"]
    assert found[0].tokenizer == str(run / "model") and found[-1].tokenizer is None
    assert {each.start for each in found} == {str(start)}
    assert all_checkpoints("some/hub-id") == [find_checkpoint("some/hub-id")]


def test_a_reference_without_a_template_reads_prompts_as_the_run_did(start: Path, tmp_path: Path) -> None:
    """The start has no chat template; the run was trained with one, and with text prompts as turns of a user."""
    messages = [{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in pairs(4)]
    recipe = {"max_steps": 1, "batch_size": 2, "samples": 0, "chat_template": "plain", "as_chat": True}
    run = penchant.train(start, messages, output=tmp_path / "run", **recipe).folder
    found = find_checkpoint(str(run))
    assert found.rendering == {"as_chat": True}
    own, theirs = renderers_of([found], reference=str(start))
    prompt = messages[0]["prompt"]
    assert own.prompt_ids(prompt) == theirs.prompt_ids(prompt) == own.prompt_ids(prompt[0]["content"])
    judged, _ = judged_checkpoints([found], str(start), list(read(messages)), Length(), Sampling(max_new_tokens=3))
    assert judged[0].divergence is not None


def test_what_cannot_be_rendered_is_said_before_anything_is_sampled(start: Path, run: Path) -> None:
    said: list[str] = []
    records = list(read([{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in pairs(4)]))
    with pytest.raises(ModelError, match="no chat template"):
        judged_checkpoints(
            [find_checkpoint(str(run))], str(start), records, Length(), Sampling(max_new_tokens=3), say=said.append
        )
    assert not said


def test_the_page_shows_every_checkpoint_and_escapes_what_people_and_models_wrote(
    run: Path, start: Path, tmp_path: Path
) -> None:
    checkpoints = all_checkpoints(str(run))[1:]
    found, theirs = judged_checkpoints(checkpoints, str(start), RECORDS, Length(), Sampling(max_new_tokens=5))
    assert all(each.divergence is not None and len(each.responses) == len(RECORDS) for each in found)
    # The last checkpoint is the final model.
    assert found[0].metrics == found[1].metrics and "samples/kl/low" in found[0].metrics
    rows = figure_rows(found)
    assert rows[-1][0] == "reference" and [row[0] for row in rows[:-1]] == [each.name for each in checkpoints]
    evil = "<script>alert(1)</script>"
    prompts = [evil, *["question"] * (len(RECORDS) - 1)]
    page = write_evaluation(
        found, tmp_path / "page.html", prompts=prompts, reference=evil, reference_responses=theirs, judge=evil
    )
    text = page.read_text(encoding="utf-8")
    assert evil not in text and text.count("&lt;script&gt;alert(1)") == 3 and "<svg" in text
    assert not re.search(r"(?:src|href)=[\"']?https?:", text)
    assert "1, 2</text>" in text, "both lie at one point, which has both numbers"


def test_the_front_needs_every_divergence() -> None:
    one = judge_pairs("one", Length(), RECORDS, ["a"] * len(RECORDS), ["a"] * len(RECORDS))
    assert on_frontier([one]) == set()
