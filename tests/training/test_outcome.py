"""What a run leaves behind, whatever form model and data came in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

import penchant
from families import tiny_model
from penchant.errors import ConfigurationError
from penchant.generation import generate
from penchant.rendering import Renderer
from penchant.training import Result
from small_runs import largest_gap, losses, metrics, pairs, weights, word_tokenizer, write_pairs

Train = Callable[..., Result]

STEP = {
    "loss",
    "rewards/chosen",
    "rewards/rejected",
    "rewards/accuracy",
    "rewards/margin",
    "rewards/ties",
    "logps/chosen",
    "logps/rejected",
    "kl",
    "lengths/chosen",
    "lengths/rejected",
    "tokens_per_second",
    "tokens_saved",
    "learning_rate",
    "grad_norm",
    "epoch",
    "seconds",
}


def test_every_number_of_every_step_is_there_and_sane(train: Train) -> None:
    run = train(eval_data=pairs(4), eval_every=2, max_steps=5, batch_size=3, learning_rate=1e-2)
    rows = metrics(run.folder)
    assert sorted(rows) == [1, 2, 3, 4, 5] and sorted(metrics(run.folder, "eval")) == [2, 4, 5]
    for step, row in rows.items():
        assert row.keys() >= STEP, STEP - row.keys()
        assert row["epoch"] == pytest.approx(3 * step / 12)
        assert row["rewards/margin"] == pytest.approx(row["rewards/chosen"] - row["rewards/rejected"], abs=1e-6)
        assert 0.0 <= row["rewards/accuracy"] <= 1.0 and 0.0 < row["tokens_saved"] < 1.0 and row["kl"] >= 0.0
        assert row["logps/chosen"] < 0.0 < row["grad_norm"] and row["tokens_per_second"] > 0.0
    tokenizer, data = word_tokenizer(), pairs()
    lengths = [len(tokenizer(row["chosen"], add_special_tokens=False)["input_ids"]) + 1 for row in data]
    told = [rows[step]["lengths/chosen"] for step in (1, 2, 3, 4)]
    assert sum(told) / 4 == pytest.approx(sum(lengths) / 12)
    assert rows[5]["rewards/margin"] > 0.0
    assert metrics(run.folder, "eval")[5]["loss"] == pytest.approx(run.summary["after"]["loss"], abs=1e-6)
    low, high = run.summary["intervals"]["rewards/accuracy"]
    assert 0.0 <= low <= run.summary["after"]["rewards/accuracy"] <= high <= 1.0


def test_the_saved_model_speaks_as_the_one_in_memory(train: Train) -> None:
    run = train(learning_rate=1e-1, max_steps=6)
    saved = AutoModelForCausalLM.from_pretrained(run.folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(run.folder / "model")
    prompts = [Renderer(tokenizer).prompt_ids(row["prompt"]) for row in pairs(4)]
    options: dict[str, Any] = {"max_new_tokens": 8, "temperature": 0.0, "stop_token_ids": [tokenizer.eos_token_id]}
    assert generate(saved, tokenizer, prompts, **options) == generate(run.model, run.tokenizer, prompts, **options)
    assert saved.generation_config.eos_token_id == [tokenizer.eos_token_id] or saved.generation_config.eos_token_id == 2
    assert largest_gap(weights(run.folder), tiny_model("llama").state_dict()) > 1e-4, "it has learned"


def test_report_card_and_records(train: Train, drawing: None) -> None:
    run = train(samples=2, sample_tokens=4, objective=penchant.objectives.IPO(), eval_share=0.2)
    assert run.report == run.folder / "report.html" and "<svg" in run.report.read_text(encoding="utf-8")
    card = (run.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n") and "ipo" in card and "beta" in card
    assert run.summary["measured_on"] in card and run.summary["fingerprints"]["model"] in card
    samples = json.loads((run.folder / "samples.json").read_text())
    assert len(samples) == 2 and all({"prompt", "before", "after"} <= each.keys() for each in samples)
    rewards = json.loads((run.folder / "rewards.json").read_text())
    assert set(rewards["before"]["chosen"]) == {0.0} and set(rewards["after"]["chosen"]) != {0.0}
    assert json.loads((run.folder / "summary.json").read_text()) == json.loads(json.dumps(run.summary))
    assert run.summary["versions"]["torch"] and run.summary["steps"] == 3 and run.summary["seed"] == 0


def test_the_template_of_the_run_goes_with_the_model(train: Train, tmp_path: Path) -> None:
    chat = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "chosen": [{"role": "assistant", "content": row["chosen"].strip()}],
            "rejected": [{"role": "assistant", "content": row["rejected"].strip()}],
        }
        for row in pairs()
    ]
    run = train(data=chat, chat_template="plain")
    tokenizer = AutoTokenizer.from_pretrained(run.folder / "model")
    asked = [{"role": "user", "content": "which colour"}]
    trained_on = Renderer(word_tokenizer(), chat_template="plain").prompt_ids(asked)
    assert Renderer(tokenizer).prompt_ids(asked) == trained_on
    ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert list(ids) == trained_on
    assert penchant.score(run.folder / "model", chat).summary()["tokens"] > 1
    assert run.tokenizer.chat_template is None, "the tokenizer in memory is the caller's"


def test_every_form_of_model_and_data_gives_the_same_run(train: Train, tmp_path: Path) -> None:
    run = train()
    forms = {
        "memory": {"model": tiny_model("llama"), "tokenizer": word_tokenizer()},
        "dataset": {"data": Dataset.from_list(pairs())},
        "file": {"data": write_pairs(tmp_path / "pairs.jsonl")},
        "iterator": {"data": iter(pairs())},
        "objective": {"objective": {"name": "dpo", "beta": 0.1}},
    }
    for name, form in forms.items():
        other = train(name, **form)
        assert losses(other.folder) == losses(run.folder), name
        assert largest_gap(weights(other.folder), weights(run.folder)) == 0.0, name


def test_a_model_in_memory_is_trained_in_place_and_works_as_before(train: Train) -> None:
    model = tiny_model("llama")
    start = {name: value.clone() for name, value in model.state_dict().items()}
    run = train(model=model, tokenizer=word_tokenizer())
    assert run.model is model and not model.training
    assert largest_gap(model.state_dict(), weights(run.folder)) == 0.0 < largest_gap(model.state_dict(), start)
    ids = torch.tensor([[1, 5, 6, 7]])
    with torch.no_grad():
        fresh = AutoModelForCausalLM.from_pretrained(run.folder / "model").eval()
        assert torch.allclose(model(ids).logits, fresh(ids).logits, atol=1e-6)
    with pytest.raises(ConfigurationError, match="without a tokenizer"):
        train("other", model=model)


def test_a_share_is_held_out_by_whole_prompts(train: Train, folder: Path) -> None:
    from penchant.training.preparation import Given, prepare
    from penchant.training.progress import ProgressReporter
    from penchant.training.recipe import make_recipe

    rows = [{**row, "chosen": f"{row['chosen']} {word}"} for row in pairs(10) for word in ("good", "bad", "old")]
    recipe = make_recipe({"model": str(folder), "data": "in memory", "eval_share": 0.3})
    prepared = prepare(recipe, Given(data=rows), ProgressReporter(quiet=True))
    learned, held = ({record.prompt for record in part} for part in (prepared.train, prepared.heldout))
    assert not learned & held and learned | held == {row["prompt"] for row in rows}
    assert len(held) == round(0.3 * len(learned | held))
    assert len(prepared.train) + len(prepared.heldout) == len(rows)
    again = prepare(recipe, Given(data=rows), ProgressReporter(quiet=True))
    assert {record.prompt for record in again.heldout} == held


def test_bfloat16_runs_on_a_cpu(train: Train) -> None:
    run, exact = train(precision="bfloat16"), train("exact")
    assert losses(run.folder) == pytest.approx(losses(exact.folder), abs=0.05)
    assert losses(run.folder) != losses(exact.folder)
    assert all(value.dtype == torch.float32 for value in weights(run.folder).values())


def test_other_objectives_and_sums_train(train: Train) -> None:
    for number, objective in enumerate(("ipo", "nll", "dpo+0.2*nll")):
        run = train(f"run{number}", objective=objective, max_steps=4, learning_rate=1e-2)
        assert losses(run.folder)[-1] < losses(run.folder)[0], objective
    assert "dpo/loss" in metrics(run.folder)[1] and "nll/loss" in metrics(run.folder)[1]


def test_samples_say_how_long_they_are_and_whether_they_end(train: Train) -> None:
    run = train(samples=3, sample_tokens=5, max_steps=1)
    for side in ("before", "after"):
        assert 0 <= run.summary[side]["samples/ended"] <= 1
        assert 1 <= run.summary[side]["samples/length"] <= 5
    assert "samples/ended" not in train(samples=0, max_steps=1, overwrite=True).summary["after"]


def test_warnings_about_the_data_stand_in_the_summary(train: Train) -> None:
    rows = [{**row, "split": ("train", "test")[number % 2]} for number, row in enumerate(pairs())]
    said = train(data=rows).summary["warnings"]
    assert any("has the splits test, train" in text for text in said)
    assert len(said) == len(set(said))
