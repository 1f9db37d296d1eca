"""The gradient of a policy gradient belongs to the distribution that was sampled, and nothing else decides sampling."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from families import tiny_model
from online.conftest import Run
from penchant.errors import ConfigurationError
from penchant.feedback.records import Source
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.generation import TransformersEngine, generate
from penchant.generation.responses import Sampling
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.logps import response_logps
from penchant.likelihood.references import NoReference
from penchant.objectives import GRPO
from penchant.objectives.core.requirements import Needs
from penchant.online.rollouts import Rollout
from penchant.online.token_facts import with_token_facts
from penchant.rendering.renderer import Renderer
from small_runs import word_tokenizer

ADVANTAGES = [1.0, -0.5, 0.25, -0.75]
PROMPT = "which colour is the car"


def engine_of(folder: Path) -> tuple[Any, TransformersEngine]:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder)
    engine = TransformersEngine(Renderer(word_tokenizer()))
    engine.use(model)
    return model, engine


def sampled(engine: TransformersEngine, temperature: float) -> Rollout:
    given = engine.sample([PROMPT], Sampling(4, 6, temperature, traced=4), seed=3)[0]
    return Rollout(Source(), PROMPT, tuple(engine.prompt_ids(PROMPT)), tuple(given), (0.0,) * 4)


def plain_logps(model: Any, rollout: Rollout, place: int, temperature: float) -> torch.Tensor:
    """Log-probabilities of one response by the definition, from the model's own logits."""
    ids = torch.tensor([[*rollout.prompt_ids, *rollout.responses[place].ids]])
    logits = model(input_ids=ids).logits[0, len(rollout.prompt_ids) - 1 : -1] / temperature
    return logits.log_softmax(-1).gather(-1, ids[0, len(rollout.prompt_ids) :, None]).squeeze(-1)


def plain_gradient(model: Any, start: Any, rollout: Rollout, temperature: float, beta: float) -> torch.Tensor:
    model.zero_grad()
    total = torch.zeros(())
    for place, advantage in enumerate(ADVANTAGES):
        logps = plain_logps(model, rollout, place, temperature)
        with torch.no_grad():
            apart = plain_logps(start, rollout, place, temperature)
        k3 = (apart - logps).exp() - (apart - logps) - 1
        total = total + (-(logps - logps.detach()).exp() * advantage + beta * k3).mean() / len(ADVANTAGES)
    total.backward()
    return torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None])


def our_gradient(scorer: CausalScorer, reference: Any, rollout: Rollout, beta: float) -> torch.Tensor:
    objective = GRPO(beta=beta)
    [filled] = with_token_facts([rollout], scorer)
    example = Example(
        {"responses": [rollout.sequence(place) for place in range(4)]},
        {"advantage": ADVANTAGES, "old_policy": [list(each) for each in filled.old_logps]},
        1.0,
        Source(),
    )
    batch = scorer.collate([example])
    views = scorer.score_batch(batch, reference, objective.requirements.needs)
    scorer.model.zero_grad()
    values, _statistics = objective.loss(**views, **batch.fields)
    values.mean().backward()
    return torch.cat([each.grad.flatten() for each in scorer.model.parameters() if each.grad is not None])


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.6])
def test_the_gradient_is_that_of_the_sampled_distribution(folder: Path, temperature: float) -> None:
    model, engine = engine_of(folder)
    rollout = sampled(engine, temperature)
    start = copy.deepcopy(model)
    with torch.no_grad():
        for weight in start.parameters():
            weight.add_(0.02 * torch.randn_like(weight))  # so that the divergence has a gradient
    plain = plain_gradient(model, start, rollout, temperature, beta=0.1)
    off = plain_gradient(model, start, rollout, 1.0, beta=0.1)
    scorer = CausalScorer(model)
    scorer.temperature = temperature
    reference = scorer.reference("initial")
    reference.frozen.load_state_dict(start.state_dict())
    ours = our_gradient(scorer, reference, rollout, beta=0.1)
    assert ((ours - plain).norm() / plain.norm()).item() < 1e-5
    if temperature != 1:
        assert ((off - plain).norm() / plain.norm()).item() > 0.1, "at another temperature it is another gradient"
    reference.close()
    scorer.close()


def test_the_ratio_is_one_before_the_first_step(folder: Path) -> None:
    model, engine = engine_of(folder)
    rollout = sampled(engine, 0.7)
    scorer = CausalScorer(model)
    scorer.temperature = 0.7
    [filled] = with_token_facts([rollout], scorer)
    batch = scorer.collate([Example({"responses": [rollout.sequence(each) for each in range(4)]}, {}, 1.0, Source())])
    view = scorer.score_batch(batch, NoReference(), Needs())["responses"]
    for place, old in enumerate(filled.old_logps):
        torch.testing.assert_close(view.policy[place][view.mask[place]], torch.tensor(old), atol=1e-6, rtol=0)
        drawn = rollout.responses[place].logps
        assert drawn is not None and len(drawn) == len(rollout.responses[place].ids)
        torch.testing.assert_close(torch.tensor(drawn), torch.tensor(old), atol=1e-4, rtol=0)
    scorer.close()


def test_statistics_of_the_distribution_follow_the_temperature(folder: Path) -> None:
    model, engine = engine_of(folder)
    rollout = sampled(engine, 0.7)
    scorer = CausalScorer(model)
    scorer.temperature = 0.7
    batch = scorer.collate([Example({"responses": [rollout.sequence(0)]}, {}, 1.0, Source())])
    needs = Needs(reference=True, stats=frozenset({"entropy", "kl"}))
    reference = scorer.reference("initial")
    view = scorer.score_batch(batch, reference, needs)["responses"]
    ids = torch.tensor([[*rollout.prompt_ids, *rollout.responses[0].ids]])
    scorer.close()
    logps = (model(input_ids=ids).logits[0, len(rollout.prompt_ids) - 1 : -1] / 0.7).log_softmax(-1)
    torch.testing.assert_close(view.stat("entropy")[0], -(logps.exp() * logps).sum(-1), atol=1e-5, rtol=0)
    assert view.stat("kl").abs().max().item() < 1e-6
    reference.close()


@pytest.mark.parametrize(("family", "hidden"), [("llama", True), ("gemma2", False), ("phi", False), ("cohere", True)])
def test_every_kind_of_head_is_divided(family: str, hidden: bool) -> None:
    model = tiny_model(family)
    scorer = CausalScorer(model)
    scorer.temperature = 0.6
    assert (scorer._divides.hidden != 1) == hidden, "a head with a bias or a soft cap is divided after it"
    rows = [TokenSequence((5, 6, 7), (8, 9, 2)), TokenSequence((5, 6, 7), (8, 4, 11, 2))]
    found = response_logps(scorer, rows)
    scorer.close()
    for row, ours in zip(rows, found, strict=True):
        ids = torch.tensor([[*row.prompt, *row.response]])
        logps = (model(input_ids=ids).logits[0, 2:-1] / 0.6).log_softmax(-1)
        expected = logps.gather(-1, ids[0, 3:, None]).squeeze(-1)
        torch.testing.assert_close(ours, expected.detach(), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"top_p": 0.9}, r"top_p: 'top_p' is 0.9, which leaves tokens out.*grpo is a policy gradient"),
        ({"temperature": 0.0}, "temperature: Greedy decoding draws nothing"),
        (
            {"engine": {"name": "transformers", "options": {"repetition_penalty": 1.3, "top_k": 5}}},
            r"engine: .*changed distribution \(repetition_penalty, top_k\)",
        ),
    ],
)
def test_what_the_likelihood_cannot_follow_is_refused(online: Run, changed: dict[str, Any], found: str) -> None:
    with pytest.raises(ConfigurationError, match=f"(?s){found}"):
        online(method="grpo", **changed)


def test_other_objectives_may_sample_as_they_like(online: Run) -> None:
    run = online(objective="dpo", top_p=0.9, temperature=0.7, iterations=1, engine={"options": {"top_k": 5}})
    assert run.summary["steps"] > 0


def test_settings_of_the_model_never_leak_into_sampling(folder: Path) -> None:
    model, engine = engine_of(folder)
    asked: dict[str, Any] = {"samples": 3, "max_new_tokens": 6, "stop_token_ids": [2], "seed": 1}
    plain = generate(model, word_tokenizer(), [engine.prompt_ids(PROMPT)], **asked)
    own = {"repetition_penalty": 9.0, "min_p": 0.9, "top_k": 1, "no_repeat_ngram_size": 1, "bad_words_ids": [[5]]}
    for name, value in own.items():
        setattr(model.generation_config, name, value)
    assert generate(model, word_tokenizer(), [engine.prompt_ids(PROMPT)], **asked) == plain
    assert model.generation_config.repetition_penalty == 9.0, "the model keeps its settings"
