"""POWER and its dynamic labels: limits, the path of a label, and what is remembered of each record."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributed

import penchant
from penchant.objectives import Losses, Objective, Scored, build

LOGPS = st.lists(st.floats(-20.0, 0.0), min_size=1, max_size=6)
RATES = st.floats(0.0, 1.0)


def view(policy: list[float]) -> Scored:
    tokens = torch.tensor([policy], dtype=torch.float64, requires_grad=True)
    return Scored(tokens, None, torch.ones_like(tokens) > 0)


def margin(chosen: list[float], rejected: list[float], beta: float) -> float:
    means = sum(chosen) / len(chosen) - sum(rejected) / len(rejected)
    return beta * (means + 1 / len(chosen) - 1 / len(rejected))


def call(objective: Objective, chosen: list[float], rejected: list[float], record: int | None = None) -> Losses:
    extra = {} if record is None else {"record_index": torch.tensor([float(record)])}
    result: Losses = objective(chosen=view(chosen), rejected=view(rejected), **extra)
    return result


@given(LOGPS, LOGPS)
def test_without_the_likelihood_it_is_the_logistic_loss_of_mean_log_probabilities_with_a_target_margin(
    chosen: list[float], rejected: list[float]
) -> None:
    target = 3.0 * (1 / len(rejected) - 1 / len(chosen))
    means = 3.0 * (sum(chosen) / len(chosen) - sum(rejected) / len(rejected))
    value = call(build("power", beta=3.0, eta=0.0), chosen, rejected).values.item()
    assert value == pytest.approx(math.log1p(math.exp(-(means - target))), rel=1e-9, abs=1e-12)


def test_a_longer_chosen_response_has_a_smaller_margin() -> None:
    objective = build("power", eta=0.0)
    short, long = (call(objective, [-1.0] * length, [-1.0] * 2).values.item() for length in (2, 20))
    assert short == pytest.approx(math.log(2)) and long > short


@given(LOGPS, LOGPS)
def test_without_movement_the_dynamic_label_changes_nothing(chosen: list[float], rejected: list[float]) -> None:
    dynamic = build("power-dl", gamma=0.0)
    plain = call(build("power"), chosen, rejected).values
    for record in (None, 3, 3):
        torch.testing.assert_close(call(dynamic, chosen, rejected, record).values, plain)


@given(LOGPS, LOGPS)
def test_a_label_that_moves_all_the_way_leaves_no_logistic_gradient(chosen: list[float], rejected: list[float]) -> None:
    up, down = view(chosen), view(rejected)
    values = build("power-dl", gamma=1.0, eta=0.0)(chosen=up, rejected=down).values
    for gradient in torch.autograd.grad(values.sum(), [up.policy, down.policy]):
        assert gradient.abs().max().item() < 1e-12


@given(LOGPS, RATES, st.lists(st.integers(0, 5), max_size=4))
def test_at_zero_margin_the_loss_is_log_two_for_any_label(policy: list[float], rate: float, visits: list[int]) -> None:
    objective = build("power-dl", gamma=rate, eta=0.0)
    for record in (*visits, None):
        assert call(objective, policy, policy, record).values.item() == pytest.approx(math.log(2))


@given(LOGPS, LOGPS, RATES, st.booleans())
def test_a_label_moves_towards_what_the_model_says_and_is_a_constant_in_the_gradient(
    chosen: list[float], rejected: list[float], rate: float, before: bool
) -> None:
    objective = build("power-dl", beta=0.5, eta=0.0, gamma=rate, update_first=before).double()
    gap = margin(chosen, rejected, 0.5)
    agreed, label = 1 / (1 + math.exp(-gap)), 1.0
    for _ in range(3):
        up = view(chosen)
        found = objective(chosen=up, rejected=view(rejected), record_index=torch.tensor([7.0]))
        moved = (1 - rate) * label + rate * agreed
        used = moved if before else label
        assert found.statistics["label"].item() == pytest.approx(used, rel=1e-9)
        slope = torch.autograd.grad(found.values.sum(), up.policy)[0].sum().item()
        assert slope == pytest.approx(0.5 * (agreed - used), abs=1e-9)  # d loss / d g = σ(g) − q
        label = moved
    assert 0 < label <= 1


@given(LOGPS, LOGPS, RATES)
def test_without_the_number_of_the_record_the_label_moves_once_before_its_use(
    chosen: list[float], rejected: list[float], rate: float
) -> None:
    objective = build("power-dl", gamma=rate)
    agreed = 1 / (1 + math.exp(-margin(chosen, rejected, 2.0)))
    for _ in range(2):
        found = call(objective, chosen, rejected)
        assert found.statistics["label"].item() == pytest.approx(1 - rate + rate * agreed, rel=1e-9)
    first = call(build("power-dl", gamma=rate, update_first=True), chosen, rejected, record=0)
    torch.testing.assert_close(first.values, found.values)
    assert len(objective.labels) == 0


def test_records_have_labels_of_their_own_however_many_there_are() -> None:
    objective = build("power-dl", gamma=0.5)
    call(objective, [-9.0], [-1.0], record=4)
    call(objective, [-1.0], [-1.0], record=1)
    assert objective.labels[[0, 2, 3]].tolist() == [1.0] * 3
    assert objective.labels[4].item() == pytest.approx(0.5, abs=1e-6) and objective.labels[1].item() == 0.75


def test_outside_training_labels_are_neither_read_nor_moved() -> None:
    objective = build("power-dl", gamma=0.5)
    call(objective, [-9.0], [-1.0], record=0)
    before = objective.labels.clone()
    found = call(objective.eval(), [-9.0], [-1.0], record=0)
    assert found.statistics["label"].item() == 1.0 and torch.equal(objective.labels, before)


def test_an_example_that_fills_up_a_micro_batch_is_no_visit() -> None:
    objective = build("power-dl", gamma=0.5)
    assert call(objective, [-9.0], [-1.0], record=-1).statistics["label"].item() == 1.0
    call(objective, [-9.0], [-1.0], record=0)
    before = objective.labels.clone()
    call(objective, [-9.0], [-1.0], record=-1)
    assert torch.equal(objective.labels, before)


@pytest.mark.parametrize("wrapped", [False, True])
def test_labels_are_restored_into_a_fresh_objective_alone_and_inside_a_sum(wrapped: bool) -> None:
    name = "power-dl+0.5*nll" if wrapped else "power-dl"
    objective = build(name, gamma=0.5)
    call(objective, [-9.0], [-1.0], record=6)
    longer = build(name, gamma=0.5)
    call(longer, [-1.0], [-1.0], record=20)
    for again in (build(name, gamma=0.5), longer):
        again.load_state_dict(objective.state_dict())
        state, restored = objective.state_dict(), again.state_dict()
        assert state.keys() == restored.keys() and all(torch.equal(state[key], restored[key]) for key in state)
        torch.testing.assert_close(
            call(again, [-9.0], [-1.0], record=6).values, call(objective, [-9.0], [-1.0], record=6).values
        )


OTHER_PROCESS = """
import sys
import torch
from torch import distributed
from penchant.objectives import Scored, build
distributed.init_process_group("gloo", init_method=sys.argv[1], rank=1, world_size=2)
view = Scored(torch.full((1, 1), -1.0), None, torch.ones(1, 1) > 0)
objective = build("power-dl", gamma=0.5)
objective(chosen=view, rejected=view, record_index=torch.tensor([1.0]))
print(objective.labels.tolist())
"""


def test_processes_share_what_they_learn_of_records(tmp_path: Path) -> None:
    meeting = f"file://{tmp_path / 'store'}"
    source = str(Path(penchant.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, meeting], env=environment, stdout=subprocess.PIPE, text=True
    )
    distributed.init_process_group("gloo", init_method=meeting, rank=0, world_size=2, timeout=timedelta(seconds=120))
    try:
        two = Scored(torch.full((2, 1), -1.0), None, torch.ones(2, 1) > 0)
        objective = build("power-dl", gamma=0.5)
        objective(chosen=two, rejected=two, record_index=torch.tensor([0.0, 3.0]))
        said, _ = other.communicate(timeout=120)
    finally:
        distributed.destroy_process_group()
        other.kill()
    assert json.loads(said) == objective.labels.tolist() == [0.75, 0.75, 1.0, 0.75]
