"""Rollouts that hold tokens of tools: context in old log-probabilities, lengths, examples and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from families import VOCABULARY, tiny_model
from forest.trees import masked, random_trees
from likelihood.plain import plain_logps
from online.conftest import Run
from penchant.errors import DataError
from penchant.feedback.records import Source
from penchant.forest import TokenSequence, collate
from penchant.generation.responses import Response
from penchant.likelihood import CausalScorer, build_reference
from penchant.objectives import build
from penchant.online.pairing import build_examples, build_pairing
from penchant.online.rollouts import Rollout
from penchant.online.token_facts import with_token_facts

PROMPT = (5, 6, 7)
ROWS = masked([TokenSequence(PROMPT, each.response) for each in random_trees(5, VOCABULARY)[0][:4]])
ROLLOUT = Rollout(
    Source(),
    "prompt",
    PROMPT,
    tuple(Response("text", tuple(each.response), True, each.learned) for each in ROWS),
    (0.0, 1.0, 0.5, 0.2),
    demonstration=(8, 9, 2),
    demonstration_learned=(True, False, True),
)


def test_masks_survive_a_file() -> None:
    again = Rollout.from_json(json.loads(json.dumps(ROLLOUT.to_json())))
    assert again == ROLLOUT and again.sequence(0) == ROWS[0]._replace(response=tuple(ROWS[0].response))
    assert again.shown == TokenSequence(PROMPT, (8, 9, 2), (True, False, True))
    assert [each.length for each in again.responses] == [each.length for each in ROWS]


def test_old_log_probabilities_are_of_learned_tokens_and_ratios_start_at_one() -> None:
    scorer = CausalScorer(tiny_model("llama"))
    [filled] = with_token_facts([ROLLOUT], scorer)
    for old, row in zip(filled.old_logps, ROWS, strict=True):
        torch.testing.assert_close(torch.tensor(old), plain_logps(scorer.model, row).detach(), atol=1e-5, rtol=0)
    objective = build("grpo", beta=0.0)
    examples = build_examples([filled], build_pairing("group"), objective.requirements)
    batch = collate(examples)
    assert batch.fields["old_policy"].shape == batch.forest.mask.shape
    scored = scorer.score_batch(batch, build_reference("none", scorer), objective.requirements.needs)
    responses = scored["responses"]
    torch.testing.assert_close(responses.policy.detach(), batch.fields["old_policy"], atol=1e-5, rtol=0)
    assert responses.length.tolist() == [each.length for each in ROWS]
    scorer.close()


def test_a_demonstration_with_context_is_chosen_with_its_mask() -> None:
    examples = build_examples([ROLLOUT], build_pairing("demonstration"), build("dpo").requirements)
    assert all(each.views["chosen"] == [ROLLOUT.shown] for each in examples)
    assert [each.views["rejected"][0].learned for each in examples] == [each.learned for each in ROWS]


def test_prompts_that_cannot_be_rendered_are_named_or_left_out(
    online: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    turns = [{"role": role, "content": "which colour"} for role in ("user", "critic")]
    rows = [{"prompt": [turns[number == 0]], "answer": "red"} for number in range(9)]
    data = tmp_path / "chats.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    template = (
        "{% for m in messages %}{% if m.role != 'critic' %}{{ m.role }} {{ m.content }} </s> {% endif %}{% endfor %}"
    )
    with pytest.raises(DataError, match=r"chats.jsonl:1: .*content of turn 1 \(role 'critic'\)"):
        online(data=str(data), chat_template=template, iterations=1)
    online("skipped", data=str(data), chat_template=template, iterations=1, on_bad="skip")
    assert "1 records of" in caplog.text and "cannot be used and were skipped" in caplog.text


def test_gradients_reach_the_tokens_that_the_policy_wrote_and_no_others() -> None:
    scorer = CausalScorer(tiny_model("llama"))
    [filled] = with_token_facts([ROLLOUT], scorer)
    objective = build("grpo", beta=0.0)
    batch = collate(build_examples([filled], build_pairing("group"), objective.requirements))
    learned = sum(each.length for each in ROWS)
    moved: list[int] = []

    def kept(module: torch.nn.Module, args: tuple[torch.Tensor, ...], logits: torch.Tensor) -> None:
        logits.register_hook(lambda gradient: moved.append(int((gradient.abs().sum(-1) > 0).sum())))

    handle = scorer.core.lm_head.register_forward_hook(kept)
    view = scorer.score_batch(batch, build_reference("none", scorer), objective.requirements.needs)["responses"]
    view.policy.retain_grad()
    objective(responses=view, **batch.fields).values.sum().backward()
    handle.remove()
    scorer.close()
    assert view.policy.grad is not None
    assert int((view.policy.grad != 0).sum()) == learned < sum(len(each.response) for each in ROWS)
    # Positions of the head that have a gradient: one for each token as it stands once in the forest.
    assert 0 < sum(moved) <= learned and sum(moved) == len(batch.forest.targets)
