"""Whole batch = accumulated = reordered = every attention = two processes: how a step is computed changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from families import tiny_model
from launching import train_in_processes
from penchant.feedback import read
from penchant.forest.batching import Plan, plan_batches
from penchant.forest.encoding import Encoder
from penchant.forest.example import Example
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.references import build_reference
from penchant.objectives import DPO
from penchant.rendering import Renderer
from penchant.training import PreferenceTrainer, make_recipe
from penchant.training.arguments import training_arguments
from small_runs import largest_gap, losses, metrics, pairs, weights, word_tokenizer, write_pairs

EXACT = 1e-6
STRATEGIES = ("ddp", "fsdp")


@pytest.fixture(scope="module")
def plain(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_steps(folder, tmp_path_factory.mktemp("plain") / "run")


def three_steps(folder: Path, output: Path, **changed: Any) -> Path:
    recipe: dict[str, Any] = {"batch_size": 4, "max_steps": 3, "learning_rate": 1e-2, "warmup": 0.0}
    given = {"model": folder, "data": pairs(), "output": output, "optimizer": "sgd", "max_grad_norm": 0.0, "samples": 0}
    given |= {"accumulate": 1}
    return penchant.train(**{**recipe, **given, **changed}).folder


@pytest.mark.parametrize("accumulate", [2, 4, 6])
def test_accumulation_changes_neither_loss_nor_weights(
    accumulate: int, folder: Path, plain: Path, tmp_path: Path
) -> None:
    # Six micro-batches of a step of four: two of them hold ghosts.
    run = three_steps(folder, tmp_path / "run", accumulate=accumulate)
    assert losses(run) == pytest.approx(losses(plain), abs=EXACT)
    assert largest_gap(weights(run), weights(plain)) < EXACT
    for step, row in metrics(plain).items():
        for name in ("rewards/margin", "rewards/accuracy", "logps/chosen", "kl", "lengths/rejected", "grad_norm"):
            assert metrics(run)[step][name] == pytest.approx(row[name], abs=1e-4), (step, name)


@pytest.mark.parametrize("attention", ["segments", "dense", "sequences"])
def test_every_attention_gives_the_same_run(attention: str, folder: Path, plain: Path, tmp_path: Path) -> None:
    run = three_steps(folder, tmp_path / "run", attention=attention)
    assert losses(run) == pytest.approx(losses(plain), abs=EXACT)
    assert largest_gap(weights(run), weights(plain)) < EXACT


def test_checkpointing_activations_gives_the_same_run(folder: Path, plain: Path, tmp_path: Path) -> None:
    run = three_steps(folder, tmp_path / "run", gradient_checkpointing=True)
    assert losses(run) == pytest.approx(losses(plain), abs=EXACT)
    assert largest_gap(weights(run), weights(plain)) < EXACT


def examples(rows: list[dict[str, Any]]) -> list[Example]:
    return Encoder(Renderer(word_tokenizer()), ["chosen", "rejected"]).encode(read(rows).records).examples


def steps_by_hand(
    data: list[Example], plan: Plan, output: Path, **changed: Any
) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Train without a run around it, so that the plan itself can be chosen."""
    model = tiny_model("llama")
    scorer = CausalScorer(model)
    recipe = make_recipe(
        {"model": "m", "data": "d", "warmup": 0.0, "learning_rate": 1e-2, "optimizer": "sgd", **changed}
    )
    arguments = training_arguments(recipe, len(plan), output, recipe.accumulate or 1)
    trainer = PreferenceTrainer(
        scorer=scorer,
        reference=build_reference("initial", scorer),
        objective=DPO(),
        examples=data,
        plan=plan,
        args=arguments,
    )
    trainer.train()
    scorer.close()
    told = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    return told, {name: value.detach().clone() for name, value in model.state_dict().items()}


def test_the_order_within_a_step_changes_nothing(tmp_path: Path) -> None:
    data = examples(pairs())
    plan = plan_batches([example.size for example in data], batch_size=4, max_steps=3)
    turned = Plan(tuple(step[::-1] for step in plan.steps), plan.epochs)
    told, end = steps_by_hand(data, plan, tmp_path / "a")
    again, end_again = steps_by_hand(data, turned, tmp_path / "b", accumulate=2)
    assert again == pytest.approx(told, abs=EXACT)
    assert largest_gap(end, end_again) < EXACT


def test_steps_of_the_same_content_are_the_same_however_they_were_grouped(tmp_path: Path) -> None:
    data = examples(pairs())
    sizes = [example.size for example in data]
    grouped = plan_batches(sizes, batch_size=12, group_by_length=True, max_steps=2)
    plain = plan_batches(sizes, batch_size=12, group_by_length=False, max_steps=2)
    assert [sorted(step) for step in grouped.steps] == [sorted(step) for step in plain.steps]
    told, end = steps_by_hand(data, plain, tmp_path / "a")
    again, end_again = steps_by_hand(data, grouped, tmp_path / "b")
    assert again == pytest.approx(told, abs=EXACT)
    assert largest_gap(end, end_again) < EXACT


def test_sharing_prompts_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.forest.collate import collate

    data = examples(pairs())
    plan = plan_batches([example.size for example in data], batch_size=6, max_steps=3)
    told, end = steps_by_hand(data, plan, tmp_path / "a")
    sizes: list[int] = []

    def apart(*given: Any, **options: Any) -> Any:
        batch = collate(*given, share=False, **options)
        sizes.append(batch.forest.sequence_tokens - batch.forest.tokens)
        return batch

    monkeypatch.setattr(CausalScorer, "collate", staticmethod(apart))
    again, end_again = steps_by_hand(data, plan, tmp_path / "b")
    assert sizes == [0, 0, 0]
    assert again == pytest.approx(told, abs=EXACT)
    assert largest_gap(end, end_again) < EXACT


def test_weights_of_records_are_whole_numbers_of_copies(tmp_path: Path) -> None:
    data = examples(pairs())
    heavy = [replace(example, weight=weight) for example, weight in zip(data[:3], (1.0, 3.0, 0.0), strict=True)]
    copies = [data[0], data[1], data[1], data[1]]
    told, end = steps_by_hand(heavy, Plan(((0, 1, 2),) * 2, (1.0, 2.0)), tmp_path / "a")
    again, end_again = steps_by_hand(copies, Plan(((0, 1, 2, 3),) * 2, (1.0, 2.0)), tmp_path / "b")
    split, end_split = steps_by_hand(heavy, Plan(((0, 1, 2),) * 2, (1.0, 2.0)), tmp_path / "c", accumulate=3)
    assert again == pytest.approx(told, abs=EXACT) and split == pytest.approx(told, abs=EXACT)
    assert largest_gap(end, end_again) < EXACT and largest_gap(end, end_split) < EXACT


def test_a_step_of_weightless_records_moves_nothing(tmp_path: Path) -> None:
    data = examples(pairs())
    weightless = [data[0], replace(data[1], weight=0.0)]
    told, end = steps_by_hand(weightless, Plan(((0,), (1,)), (1.0, 2.0)), tmp_path / "a")
    once, end_once = steps_by_hand(weightless, Plan(((0,),), (1.0,)), tmp_path / "b", schedule="constant")
    assert told == [once[0], 0.0]
    assert all(torch.isfinite(value).all() for value in end.values())
    assert largest_gap(end, end_once) < EXACT


def test_two_processes_are_one(folder: Path, plain: Path, tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "pairs.jsonl")
    recipe = {"model": str(folder), "data": str(data), "output": str(tmp_path / "run"), "batch_size": 3, "max_steps": 4}
    recipe |= {
        "learning_rate": 1e-2,
        "warmup": 0.0,
        "optimizer": "sgd",
        "samples": 1,
        "sample_tokens": 4,
        "eval_every": 2,
    }
    jobs = [{**recipe, "accumulate": 2, "strategy": strategy, "output": tmp_path / strategy} for strategy in STRATEGIES]
    train_in_processes(2, jobs, tmp_path)
    alone = penchant.train(**{**recipe, "output": str(tmp_path / "alone")}).folder
    for strategy in STRATEGIES:
        together = tmp_path / strategy
        summary = json.loads((together / "summary.json").read_text())
        assert (summary["processes"], summary["strategy"]) == (2, strategy)
        assert losses(together) == pytest.approx(losses(alone), abs=EXACT)
        assert largest_gap(weights(together), weights(alone)) < EXACT
        for split in ("train", "eval"):
            here, there = metrics(together, split), metrics(alone, split)
            assert here.keys() == there.keys()
            for step, row in there.items():
                # What is computed together differs, so what sharing prompts saves does too.
                for name in row.keys() - {"split", "seconds", "tokens_per_second", "tokens_saved"}:
                    assert here[step][name] == pytest.approx(row[name], rel=1e-5, abs=1e-5), (split, step, name)
        first, second = (json.loads((run / "rewards.json").read_text())["after"] for run in (together, alone))
        assert sorted(first["chosen"]) == pytest.approx(sorted(second["chosen"]), abs=1e-5)
        assert (together / "report.html").is_file()
