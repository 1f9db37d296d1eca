"""Budgets of SPT and the supports and prunings of DSEE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from penchant.errors import PenchantError
from penchant.training import Result
from penchant.training.parameters.added import Added, Place
from penchant.training.parameters.dsee import residual_support
from penchant.training.parameters.spt import allocation
from small_runs import model_folder, weights
from training.parameters.test_strategies import recipe_of

Train = Callable[..., Result]


def scores() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    factors = {"a": 1.0, "b": 10.0, "c": 0.1}
    made = {name: factor * torch.rand(20, 30, generator=draw) for name, factor in factors.items()}
    return {**made, "d": torch.rand(40, generator=draw)}


@pytest.mark.parametrize("budget", [60, 200, 400])
def test_the_budget_is_kept_within_a_step_of_the_sweep(budget: int) -> None:
    places = allocation(scores(), budget, rank=2, alpha=2.0, beta=5.0, scale=1.0)
    total = sum(each.size(scores()[name]) for name, each in places.items())
    assert abs(total - budget) <= 2 * 50 + 1  # one low-rank matrix takes 100 numbers at once


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ratio": 0.9, "rank": 1}, "Raise rank, or lower alpha."),
        ({"ratio": 0.001, "rank": 8, "alpha": 1e9, "beta_v": 1e9}, "Lower rank or alpha."),
        ({"ratio": 0.02, "alpha": 0.0, "beta_v": 0.0}, ""),
    ],
)
def test_a_budget_that_no_threshold_reaches_is_said(settings: dict[str, Any], told: str, train: Train) -> None:
    recipe = {**recipe_of("spt", "dpo"), "parameters": {"name": "spt", **settings}, "max_steps": 1}
    said = [each for each in train(**recipe).summary["warnings"] if "no threshold" in each]
    assert [each.endswith(told) for each in said] == ([True] if told else [])


def test_alpha_decides_between_low_rank_matrices_and_single_weights() -> None:
    single = allocation(scores(), 100, rank=2, alpha=0.0, beta=0.0, scale=1.0)
    assert all(each.rank == 0 and not each.whole for each in single.values())
    assert sum(len(each.support) for each in single.values() if each.support is not None) == 100
    low_rank = allocation(scores(), 300, rank=2, alpha=1e9, beta=1e9, scale=1.0)
    assert all(each.rank == 2 or each.whole for each in low_rank.values())


def test_single_weights_are_the_most_sensitive_ones() -> None:
    places = allocation(scores(), 50, rank=2, alpha=0.0, beta=0.0, scale=1.0)
    flat = torch.cat([each.flatten() for each in scores().values()])
    chosen = torch.cat([scores()[name].flatten()[each.support] for name, each in places.items()])
    assert torch.equal(chosen.sort().values, flat.topk(50).values.sort().values)


def test_the_residual_of_a_low_rank_matrix_is_mostly_what_was_added_to_it() -> None:
    draw = torch.Generator().manual_seed(0)
    low_rank = 0.005 * torch.randn(20, 2, generator=draw) @ torch.randn(2, 30, generator=draw)
    places = torch.randperm(600, generator=draw)[:6].sort().values
    spiked = low_rank.flatten().index_add(0, places, torch.full((6,), 0.3)).view(20, 30)
    found = residual_support(spiked, 2, 6)
    # The low-rank part takes up some of them; by chance 0.06 of the six would be right.
    assert len(set(found.tolist()) & set(places.tolist())) >= 4


def test_dsee_without_support_and_pruning_changes_by_a_low_rank_matrix(train: Train, folder: Path) -> None:
    run = train(**recipe_of("dsee", "dpo", rank=2, entries=0, sparsity=0.0))
    start, saved = load_file(folder / "model.safetensors"), weights(run.folder)
    changes = {name: saved[name] - each for name, each in start.items() if not torch.equal(saved[name], each)}
    assert changes and all(name.endswith(("q_proj.weight", "v_proj.weight")) for name in changes)
    assert all(int(torch.linalg.matrix_rank(each, atol=1e-5)) <= 2 for each in changes.values())
    assert run.summary["trained_parameters"] == sum(2 * sum(each.shape) for each in changes.values())


def test_dsee_trains_r_times_the_sides_and_n_numbers_a_matrix(train: Train, folder: Path) -> None:
    run = train(**recipe_of("dsee", "dpo", rank=2, entries=8))
    start = load_file(folder / "model.safetensors")
    tuned = [each for name, each in start.items() if name.endswith(("q_proj.weight", "v_proj.weight"))]
    assert run.summary["trained_parameters"] == sum(2 * sum(each.shape) + 8 for each in tuned)


def test_what_dsee_prunes_is_zero_in_the_saved_model(train: Train) -> None:
    saved = weights(train(**recipe_of("dsee", "dpo", sparsity=0.25)).folder)
    tuned = [each for name, each in saved.items() if name.endswith(("q_proj.weight", "v_proj.weight"))]
    zeros = sum(int((each == 0).sum()) for each in tuned)
    assert zeros == int(0.25 * sum(each.numel() for each in tuned))


def test_what_structured_dsee_prunes_are_whole_heads_and_units(train: Train) -> None:
    run = train(**recipe_of("dsee, heads", "dpo", sparsity=0.4, units=0.3))
    saved = weights(run.folder)
    heads = [each.unflatten(1, (4, -1)) for name, each in saved.items() if name.endswith("o_proj.weight")]
    gone = [bool((each[:, head] == 0).all()) for each in heads for head in range(4)]
    assert sum(gone) == int(0.4 * 8)
    assert all(bool((each[:, head] != 0).any()) for each in heads for head in range(4)) is False
    units = [each for name, each in saved.items() if name.endswith("down_proj.weight")]
    empty = sum(int((each == 0).all(0).sum()) for each in units)
    assert empty == int(0.3 * sum(each.shape[1] for each in units))
    assert sum(int((each == 0).sum()) for each in units) == empty * units[0].shape[0]


def test_a_coefficient_scales_a_head_and_the_penalty_pulls_it_down() -> None:
    weight = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    added = Added(weight, Place(groups=4), torch.Generator())
    assert torch.equal(added(weight), weight)
    with torch.no_grad():
        added.coefficients[1] = 0.5  # type: ignore[index]
    expected = weight.clone()
    expected[:, 2:4] *= 0.5
    assert torch.equal(added(weight), expected)


def test_without_pruning_the_penalty_makes_coefficients_smaller(train: Train, folder: Path) -> None:
    norms = []
    for l1 in (0.0, 10.0):
        run = train(f"run {l1}", **recipe_of("dsee, heads", "dpo", sparsity=0.0, units=0.0, l1=l1))
        saved = weights(run.folder)
        norms.append(sum(float(each.norm()) for name, each in saved.items() if name.endswith("o_proj.weight")))
    assert norms[1] < norms[0]


def test_heads_that_cannot_be_told_apart_are_refused(train: Train, tmp_path: Path) -> None:
    model = model_folder(tmp_path / "gpt2", "gpt2")
    with pytest.raises(PenchantError, match="heads of GPT2LMHeadModel cannot be told apart"):
        train(model=model, parameters={"name": "dsee", "targets": ["*wte*"], "structure": "heads"})


@pytest.mark.parametrize(
    ("settings", "changed", "told"),
    [
        ({"name": "dsee", "units": 0.2}, {}, r"prunes units with structure: heads alone"),
        ({"name": "dsee", "structure": "heads"}, {"precision": "float16"}, r"gradients are scaled"),
        ({"name": "dsee", "structure": "rows"}, {}, r"'structure' is 'rows'"),
        ({"name": "dsee", "targets": ["*.qq_proj.*"]}, {}, r"No matrix has a name like"),
        ({"name": "dsee", "rank": 0, "entries": 0}, {}, r"freezes all weights"),
        ({"name": "dsee"}, {"max_steps": 1}, r"prunes half-way, but the run has one step"),
        ({"name": "dsee", "sparsity": 1.0}, {}, r"'sparsity' is 1\.0"),
        ({"name": "spt", "ratio": 0.0}, {}, r"'ratio' is 0\.0"),
        ({"name": "spt"}, {"checkpoints": "weights"}, r"checkpoints are models"),
    ],
)
def test_what_cannot_work_is_refused(settings: object, changed: dict[str, object], told: str, train: Train) -> None:
    with pytest.raises(PenchantError, match=told):
        train(**changed, parameters=settings)


@pytest.mark.parametrize("scale", [1e-3, 7.0])
def test_a_smaller_budget_marks_a_part_of_what_a_larger_one_marks_whatever_the_unit(scale: float) -> None:
    found = []
    for budget in (20, 50, 90):
        scaled = {name: scale * each for name, each in scores().items()}
        places = allocation(scaled, budget, rank=2, alpha=0.0, beta=0.0, scale=1.0)
        found.append({(name, int(at)) for name, each in places.items() for at in each.support})  # type: ignore[union-attr]
    assert found[0] < found[1] < found[2]
    plain = allocation(scores(), 50, rank=2, alpha=0.0, beta=0.0, scale=1.0)
    assert found[1] == {(name, int(at)) for name, each in plain.items() for at in each.support}  # type: ignore[union-attr]
