"""Runs beside TRL's trainers on real feedback: same model, order and schedule, so the same losses."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from penchant.forest.batching import plan_batches
from penchant.objectives import build
from small_runs import losses

pytest.importorskip("trl")
pytestmark = pytest.mark.long

TRAIN, HELD_OUT, BATCH, LEARNING_RATE, SEED = 44, 12, 4, 1e-4, 3


def _rows(shared: Path) -> list[dict[str, str]]:
    """Short pairs, as texts whose prompt and responses meet at a space."""
    rows: list[dict[str, str]] = []
    names = {"user": "Human", "assistant": "Assistant"}
    with gzip.open(shared / "data" / "hh_harmless.jsonl.gz", "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            turns = "".join(f"\n\n{names[turn['role']]}: {turn['content']}" for turn in record["prompt"])
            row = {
                "prompt": turns + "\n\nAssistant:",
                "chosen": " " + record["chosen"],
                "rejected": " " + record["rejected"],
            }
            if sum(map(len, row.values())) < 500 and row["chosen"] != row["rejected"]:
                rows.append(row)
            if len(rows) == TRAIN + HELD_OUT:
                return rows
    raise AssertionError("the data hold fewer short pairs than the test wants")


def _arguments(folder: Path) -> dict[str, Any]:
    """What all of TRL's trainers are told here."""
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": LEARNING_RATE,
        "max_length": None,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "bf16": False,
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _trl(model: Path, folder: Path, train: list[dict[str, str]], heldout: list[dict[str, str]], **more: Any) -> float:
    """Held-out loss after TRL's training; the arguments not named are its defaults."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    args = DPOConfig(**_arguments(folder), per_device_eval_batch_size=len(heldout), **more)
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args=args,
        train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(heldout),
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    trainer.train()
    return float(trainer.evaluate()["eval_loss"])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"schedule": "cosine", "warmup": 0.25}, {"lr_scheduler_type": "cosine", "warmup_steps": 0.25}),
        ({"weight_decay": 0.1, "max_grad_norm": 0.5}, {"weight_decay": 0.1, "max_grad_norm": 0.5}),
    ],
    ids=["linear", "cosine with a warm-up that is no whole number of steps", "weight decay and clipping"],
)
def test_the_held_out_loss_is_that_of_trl(
    shared: Path, tmp_path: Path, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    rows = _rows(shared)
    train, heldout = rows[:TRAIN], rows[TRAIN:]
    model = shared / "models" / "tinystories-260k"
    settings = {"warmup": 0.1, **ours}
    result = penchant.train(
        model,
        train,
        output=tmp_path / "ours",
        eval_data=heldout,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        seed=SEED,
        samples=0,
        on_bad="stop",
        **settings,
    )
    # Penchant shuffles by its own plan: TRL gets the pairs in that order and takes them as they come.
    plan = plan_batches([1] * TRAIN, batch_size=BATCH, epochs=1, seed=SEED)
    ordered = [train[index] for step in plan.steps for index in step]
    other = _trl(model, tmp_path / "theirs", ordered, heldout, **{"warmup_steps": 0.1, **theirs})
    loss = result.summary["after"]["loss"]
    assert loss < 0.69, "nothing was learned, so agreement would say nothing"
    assert loss == pytest.approx(other, abs=1e-4)


def _trl_kto(model: Path, folder: Path, rows: list[dict[str, Any]], **more: Any) -> list[float]:
    """The loss of every step of TRL's KTOTrainer."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import KTOConfig, KTOTrainer

    args = KTOConfig(**_arguments(folder), warmup_steps=0.1, **more)
    trainer = KTOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args=args,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    trainer.train()
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


def test_the_losses_of_kto_on_pairs_cut_into_judgements_are_those_of_trl(shared: Path, tmp_path: Path) -> None:
    """TRL's mismatched response is that of the example before, ours of the next one; so TRL gets batches backwards."""
    rows = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in _rows(shared)[:12]
        for side in ("chosen", "rejected", "rejected")[: 2 + len(row["chosen"]) % 2]
    ]
    rows = rows[: len(rows) // BATCH * BATCH]
    model = shared / "models" / "tinystories-260k"
    recipe = {"batch_size": BATCH, "learning_rate": LEARNING_RATE, "seed": SEED, "samples": 0, "warmup": 0.1}
    for method, theirs in (("kto", "kto"), ("apo-zero-unpaired", "apo_zero_unpaired")):
        weighted = {"name": method, "desirable_weight": 1.5}
        run = penchant.train(model, rows, weighted, tmp_path / method, on_bad="stop", **recipe).folder
        plan = plan_batches([1] * len(rows), batch_size=BATCH, epochs=1, seed=SEED)
        backwards = [rows[index] for step in plan.steps for index in reversed(step)]
        found = _trl_kto(model, tmp_path / f"trl-{method}", backwards, loss_type=theirs, desirable_weight=1.5)
        ours = losses(run)
        assert max(ours) - min(ours) > 1e-3, "the losses move, so agreement says something"
        assert ours == pytest.approx(found, abs=1e-4), method


def test_the_losses_of_a_reward_model_are_those_of_trl(shared: Path, tmp_path: Path) -> None:
    """The head counts in the clipped norm, which is small here, so that every step is clipped."""
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    rows, clipped = _rows(shared)[:24], 0.2
    model = shared / "models" / "tinystories-260k"
    recipe = {"batch_size": BATCH, "learning_rate": LEARNING_RATE, "seed": SEED, "warmup": 0.1, "on_bad": "stop"}
    objective = build("bt")
    policy = AutoModelForSequenceClassification.from_pretrained(model, num_labels=1, dtype=torch.float32)
    objective.bind(policy.config.hidden_size)
    policy.score.weight.data.copy_(objective.reward_head.weight)
    run = penchant.train(model, rows, objective, tmp_path / "ours", max_grad_norm=clipped, **recipe)
    plan = plan_batches([1] * len(rows), batch_size=BATCH, epochs=1, seed=SEED)
    ordered = [rows[index] for step in plan.steps for index in step]
    args = RewardConfig(**_arguments(tmp_path / "theirs"), warmup_steps=0.1, max_grad_norm=clipped)
    data, tokenizer = Dataset.from_list(ordered), AutoTokenizer.from_pretrained(model)
    trainer = RewardTrainer(model=policy, args=args, train_dataset=data, processing_class=tokenizer)
    trainer.train()
    found = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    ours = losses(run.folder)
    assert max(ours) - min(ours) > 1e-3, "the losses move, so agreement says something"
    assert ours == pytest.approx(found, abs=1e-5)
