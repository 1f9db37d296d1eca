"""Methods that need more than two responses: the laws of training hold, and heads are trained, kept and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.errors import DataError
from penchant.likelihood.cache import ReferenceCache
from penchant.likelihood.references import CachedReference
from penchant.training import Result
from small_runs import largest_gap, losses, metrics, pairs, weights

Train = Callable[..., Result]
EXACT = 1e-6


def rows() -> list[dict[str, Any]]:
    """Pairs with all further fields; those of MAPL stand in some of them only."""
    found: list[dict[str, Any]] = []
    for number, row in enumerate(pairs()):
        chosen, rejected = row["chosen"].split(), row["rejected"].split()
        more: dict[str, Any] = {
            "rationale": "the " + " ".join(chosen[1:]),
            "chosen_sources": [-1.0 - number, -2.0],
            "rejected_sources": [-3.0, -0.5 * number],
            "chosen_degraded": [" " + " ".join(chosen[: len(chosen) - level]) for level in range(3)],
            "rejected_degraded": [" " + " ".join(rejected[: len(rejected) - level]) for level in range(3)],
        }
        if number % 2:
            more |= {"matching_prompt": "the very good " + row["prompt"], "altered_prompt": "not " + row["prompt"]}
        if number % 3:
            more["extended_prompt"] = row["prompt"] + " and old"
        found.append({**row, **more})
    return found


METHODS: list[tuple[str, dict[str, Any]]] = [
    ("dove", {}),
    ("rationale-dpo", {}),
    ("rationale-orpo", {}),
    ("infifpo", {}),
    ("mapl", {}),
    ("spo-degree", {"levels": 3, "gamma": 1.0}),
    ("sparse-token-mask", {}),
    ("sparsepo", {"common_mask": False}),
    ("pairwise-normalized-gradient", {}),
]


@pytest.mark.parametrize(("name", "hyper"), METHODS)
def test_micro_batches_change_neither_loss_nor_weights(name: str, hyper: dict[str, Any], train: Train) -> None:
    objective = {"name": name, **hyper}
    # Some micro-batches of MAPL hold no record with the optional fields, others hold both kinds.
    first, second = (
        train(f"run-{parts}", data=rows(), objective=objective, accumulate=parts, max_grad_norm=0.0) for parts in (1, 4)
    )
    assert losses(second.folder) == pytest.approx(losses(first.folder), abs=1e-5)
    assert largest_gap(weights(second.folder), weights(first.folder)) < EXACT


@pytest.mark.parametrize("name", ["rationale-dpo", "spo-degree"])
def test_a_cached_reference_is_filled_with_what_is_asked_for_alone(
    name: str, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled: list[int] = []
    prepare = CachedReference.prepare

    def watched(self: CachedReference, responses: Any, progress: Any = None) -> None:
        filled.append(len({ReferenceCache.key(each) for each in responses}))
        prepare(self, responses, progress)

    monkeypatch.setattr(CachedReference, "prepare", watched)
    objective = {"name": name, **dict(METHODS)[name]}
    whole = train("initial", data=rows(), objective=objective)
    cached = train("cached", data=rows(), objective=objective, reference="cached", cache=str(tmp_path / "cache"))
    assert losses(cached.folder) == pytest.approx(losses(whole.folder), abs=1e-4)
    assert filled == [24], "chosen and rejected of twelve pairs"


@pytest.mark.parametrize("name", ["spo-degree", "sparse-token-mask", "sparsepo"])
def test_heads_are_trained_kept_in_checkpoints_and_resumed(
    name: str, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.training.recorder import Recorder

    recipe = {
        "data": rows(),
        "objective": {"name": name, **dict(METHODS)[name]},
        "max_steps": 6,
        "save_every": 2,
        "keep_checkpoints": 3,
        "optimizer": "adamw_torch",
        "learning_rate": 1e-2,
    }
    whole = train("whole", **recipe).folder

    class Stop(Exception):
        pass

    write = Recorder.write

    def write_and_die(self: Recorder, at: int, split: str, numbers: dict[str, float]) -> None:
        write(self, at, split, numbers)
        if at == 5 and split == "train":
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "write", write_and_die)
        with pytest.raises(Stop):
            train("stopped", **recipe)
    stopped = tmp_path / "stopped"
    state = torch.load(stopped / "checkpoints" / "checkpoint-4" / "objective.pt", weights_only=True)
    weight = state.get("head.weight", state.get("reward_mask.weight"))
    assert weight.abs().max() > 0 and weight.shape[1] == 32
    train("stopped", **recipe, resume=True)
    assert losses(stopped) == pytest.approx(losses(whole), abs=EXACT)
    assert largest_gap(weights(stopped), weights(whole)) < EXACT


def test_the_degree_is_learned(train: Train) -> None:
    objective = {"name": "spo-degree", "levels": 3, "gamma": 1.0}
    run = train(
        data=rows(), objective=objective, max_steps=40, batch_size=12, optimizer="adamw_torch", learning_rate=1e-2
    ).folder
    told = metrics(run)
    assert told[1]["degree_loss"] == pytest.approx(torch.tensor(3.0).log().item(), abs=1e-5)
    assert told[40]["degree_loss"] < 0.8 * told[1]["degree_loss"]
    assert told[40]["degree_accuracy"] > told[1]["degree_accuracy"]


def test_a_field_that_is_missing_is_told_before_a_model_is_loaded(train: Train) -> None:
    for name, field, builder in (
        ("rationale-dpo", "rationale", "rationale"),
        ("infifpo", "chosen_sources", "sources"),
        ("spo-degree", "chosen_degraded", "degrade"),
    ):
        with pytest.raises(DataError, match=rf"'{field}'.*penchant data build {builder}"):
            train(objective=name)
        lacking = [{key: value for key, value in row.items() if key != field} for row in rows()]
        with pytest.raises(DataError, match=rf"'{field}'.*penchant data build {builder}"):
            train(data=lacking, objective=name)


def test_an_adapter_is_trained_with_a_head_and_with_norms(train: Train) -> None:
    for name, hyper in METHODS[-3:]:
        result = train(name, data=rows(), objective={"name": name, **hyper}, lora={"rank": 2})
        assert all(torch.isfinite(torch.tensor(losses(result.folder))))


@pytest.mark.parametrize(("name", "hyper"), METHODS[-3:])
def test_activations_may_be_computed_again(name: str, hyper: dict[str, Any], train: Train) -> None:
    objective = {"name": name, **hyper}
    kept = train("kept", data=rows(), objective=objective)
    again = train("again", data=rows(), objective=objective, gradient_checkpointing=True)
    assert losses(again.folder) == pytest.approx(losses(kept.folder), abs=EXACT)
    assert largest_gap(weights(again.folder), weights(kept.folder)) < EXACT
