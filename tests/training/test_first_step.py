"""What is wrong is said at the first step, and a number that is none stops a run before it does harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from families import tiny_model
from penchant.errors import ModelError, TrainingError
from penchant.objectives import Scored
from penchant.objectives.core.objective import Needs, Objective
from penchant.training import Result
from penchant.training.first_step import check_margin
from small_runs import largest_gap, losses, metrics, pairs, weights, word_tokenizer

Train = Callable[..., Result]


class Hinge(Objective):
    """Flat as soon as the margin is reached: from the start, with the limit used here."""

    id = "hinge-test"
    needs = Needs(reference=True)

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        return (-1.0 - (chosen.logratio - rejected.logratio)).clamp(min=0.0)


class Constant(Objective):
    """Does not look at the model at all."""

    id = "constant-test"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        return torch.ones(chosen.logp.shape[0], requires_grad=True)


class Detached(Objective):
    """Forgets that it depends on the model."""

    id = "detached-test"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        return (rejected.logp - chosen.logp).detach()


class Fragile(Objective):
    """Finite, with a gradient that is not."""

    id = "fragile-test"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        return (chosen.logp * 0.0).clamp(min=0.0).sqrt() + 1.0


class Poisoned(Objective):
    """NaN for the longest chosen response, from the third step on."""

    id = "poisoned-test"
    steps = 0

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        margin = -(chosen.logp - rejected.logp)
        self.steps += self.training
        return margin + torch.where(chosen.length == 9, torch.nan, 0.0) if self.steps > 2 else margin


@pytest.mark.parametrize(
    "changed", [{"reference": "initial"}, {"lora": {"rank": 2}}, {"precision": "bfloat16"}], ids=str
)
def test_the_first_margin_is_exactly_zero(changed: dict[str, Any], train: Train) -> None:
    run = train(batch_size=6, accumulate=2, **changed)
    first = metrics(run.folder)[1]
    assert first["rewards/margin"] == first["kl"] == 0.0
    assert first["rewards/accuracy"] == 0.5 and first["rewards/ties"] == 1.0
    assert run.summary["before"]["rewards/accuracy"] == 0.5 and run.summary["before"]["rewards/ties"] == 1.0
    assert first["loss"] == pytest.approx(0.693147, abs=1e-6)
    assert not [warning for warning in run.summary["warnings"] if "equal" in warning]
    assert metrics(run.folder)[2]["rewards/ties"] < 1.0


def test_rounding_between_equal_models_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    views = {
        "chosen": Scored(torch.full((1, 2), -1.0), torch.full((1, 2), -1.00001), torch.ones(1, 2, dtype=torch.bool))
    }
    reference: Any = SimpleNamespace(starts_equal=True, kind="initial")
    said = check_margin(views, reference, reduced=False)
    assert said and check_margin(views, reference, reduced=False, said=said)
    assert [record.message.count("rounding") for record in caplog.records] == [1]
    equal = {"chosen": Scored(torch.full((1, 2), -1.0), torch.full((1, 2), -1.0), torch.ones(1, 2, dtype=torch.bool))}
    assert not check_margin(equal, reference, reduced=False)


def test_a_cached_reference_ties_within_rounding(train: Train, tmp_path: Path) -> None:
    run = train(reference="cached", cache=str(tmp_path / "cache"))
    first = metrics(run.folder)[1]
    assert abs(first["rewards/margin"]) < 1e-5 and first["kl"] < 1e-8
    assert first["rewards/accuracy"] == 0.5 and first["rewards/ties"] == 1.0
    again = train("again", reference="cached", cache=str(tmp_path / "cache"))
    assert losses(again.folder) == losses(run.folder)
    assert losses(train("initial").folder) == pytest.approx(losses(run.folder), abs=1e-5)


def test_a_cache_serves_both_references_of_an_objective_that_asks_for_two(train: Train, tmp_path: Path) -> None:
    both: dict[str, Any] = {"objective": "inpo", "learning_rate": 1e-2}
    initial, cached = train(**both), train("cached", **both, reference="cached", cache=str(tmp_path / "cache"))
    assert losses(cached.folder) == pytest.approx(losses(initial.folder), abs=1e-5)
    assert largest_gap(weights(cached.folder), weights(initial.folder)) < 1e-5
    assert losses(initial.folder)[0] != pytest.approx(losses(initial.folder)[-1], abs=1e-4)


def test_dropout_does_not_come_between_policy_and_reference(tmp_path: Path, train: Train) -> None:
    from families import FAMILIES

    config = FAMILIES["gpt2"]()
    config.attn_pdrop = config.resid_pdrop = config.embd_pdrop = 0.1
    model = AutoModelForCausalLM.from_config(config)
    run = train(model=model, tokenizer=word_tokenizer())
    first = metrics(run.folder)[1]
    assert first["rewards/margin"] == 0.0 and first["rewards/ties"] == 1.0
    rates = [module.p for module in run.model.modules() if isinstance(module, nn.Dropout)]
    assert rates and set(rates) == {0.1}, "the model keeps its dropout"
    assert not run.model.training


class Noise(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden: Tensor) -> Tensor:
        return self.inner(hidden) + 0.3 * torch.randn_like(hidden)


def test_other_randomness_is_told_with_its_usual_causes(train: Train) -> None:
    model = tiny_model("llama")
    model.model.norm = Noise(model.model.norm)
    with pytest.raises(TrainingError, match=r"same model, yet.*nats.*randomness other than dropout.*see precision"):
        train(model=model, tokenizer=word_tokenizer(), attention="sequences")


def test_a_cache_filled_under_other_conditions_is_refused(train: Train, tmp_path: Path) -> None:
    import sqlite3

    import numpy as np

    from penchant.likelihood.cache import ReferenceCache

    train(reference="cached", cache=str(tmp_path / "cache"))
    (file,) = (tmp_path / "cache").rglob("*.sqlite")
    connection, store = sqlite3.connect(file), ReferenceCache(file.parent, file.stem)
    for key, value in connection.execute("SELECT key, value FROM hashed_logps").fetchall():
        moved = (np.frombuffer(value, np.float32) + np.float32(0.5)).tobytes()
        change = "UPDATE hashed_logps SET value = ?, digest = ? WHERE key = ?"
        connection.execute(change, (moved, store.digest(key, moved), key))
    connection.commit()
    store.close()
    connection.close()
    with pytest.raises(TrainingError, match=r"differ by .* nats.*Delete"):
        train("again", reference="cached", cache=str(tmp_path / "cache"))


def test_a_frozen_model_is_named(train: Train) -> None:
    with pytest.raises(TrainingError, match=r"all are frozen.*lora"):
        train(model=tiny_model("llama").requires_grad_(False), tokenizer=word_tokenizer())


@pytest.mark.parametrize(
    ("objective", "cause"),
    [
        (Hinge, "every gradient is exactly zero.*all tied.*flat"),
        (Constant, "does not depend on"),
        (Detached, "does not depend on"),
    ],
    ids=["flat", "constant", "detached"],
)
def test_the_cause_of_a_zero_gradient_is_named(objective: type[Objective], cause: str, train: Train) -> None:
    with pytest.raises(TrainingError, match=f"step 1: At the first step.*{cause}"):
        train(objective=objective())


def test_a_loss_that_is_no_number_names_step_and_records(train: Train, tmp_path: Path) -> None:
    recipe: dict[str, Any] = {"save_every": 1, "max_steps": 6, "batch_size": 6, "accumulate": 1}
    with pytest.raises(TrainingError, match=r"step 3: The loss of \d of 6 examples is not a number \(records .*:\d+"):
        train(objective=Poisoned(), **recipe)
    assert sorted(metrics(tmp_path / "run")) == [1, 2]
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "checkpoints" / "checkpoint-2")
    assert all(torch.isfinite(value).all() for value in saved.state_dict().values())
    healed = Poisoned()
    healed.steps = -100
    assert len(losses(train(objective=healed, resume=True, **recipe).folder)) == 6


def test_a_weight_that_is_no_number_stops_before_the_first_step(train: Train) -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.lm_head.weight[5, 0] = torch.nan
    with pytest.raises(ModelError, match=r"NaN or infinite numbers, for example 'lm_head\.weight'"):
        train(model=model, tokenizer=word_tokenizer(), attention="sequences", objective="nll", data=pairs())


def test_a_gradient_that_is_no_number_is_not_stepped_along(train: Train) -> None:
    model = tiny_model("llama")
    start = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(TrainingError, match="step 1: The loss is a finite number, but its gradient is not"):
        train(model=model, tokenizer=word_tokenizer(), objective=Fragile())
    assert all(torch.equal(value, start[name]) for name, value in model.state_dict().items())


def test_an_adapter_is_kept_apart_and_merged(train: Train, folder: Path) -> None:
    from peft import PeftModel

    run = train(lora={"rank": 2}, learning_rate=1e-1, max_steps=6)
    assert run.summary["trained_parameters"] < run.summary["parameters"] / 2
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), run.folder / "adapter").eval()
    merged = AutoModelForCausalLM.from_pretrained(run.folder / "model").eval()
    ids = torch.tensor([AutoTokenizer.from_pretrained(run.folder / "model")("the red car")["input_ids"]])
    with torch.no_grad():
        start = AutoModelForCausalLM.from_pretrained(folder).eval()(ids).logits
        assert torch.allclose(adapted(ids).logits, merged(ids).logits, atol=1e-4)
        assert (merged(ids).logits - start).abs().max() > 1e-3
