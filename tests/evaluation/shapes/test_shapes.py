"""Metrics of each shape of feedback, against numbers computed plainly; they do not depend on how a batch is cut."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from objectives.drawing import of_ratios, random_inputs
from penchant.evaluation.metrics import Tally, batch_metrics
from penchant.feedback.records import Source
from penchant.forest.collate import AnyBatch
from penchant.objectives import Losses, Objective, Scored, build, get, names


def measured(objective: Objective, views: dict[str, Scored], count: int, statistics: Any = None, **fields: Any) -> Any:
    """The metrics of a batch."""
    tally = Tally()
    batch = AnyBatch(
        rows={},
        group={},
        fields={name: torch.tensor(values) for name, values in fields.items()},
        weights=torch.ones(count),
        denominator=float(count),
        sources=(Source(),) * count,
    )
    batch_metrics(tally, objective, views, Losses(torch.zeros(count), statistics or {}), batch)
    return tally.means()


def test_binary_feedback_is_read_by_label() -> None:
    found = measured(
        build("kto", beta=0.5), {"responses": of_ratios([2.0, -4.0, 1.0, 0.0])}, 4, label=[1.0, 1.0, 0.0, 0.0]
    )
    assert found["rewards/desirable"] == pytest.approx(-0.5) and found["rewards/undesirable"] == pytest.approx(0.25)
    assert found["logps/desirable"] == pytest.approx(-2.0) and found["logps/undesirable"] == pytest.approx(-0.5)
    # Right, wrong, wrong, and a tie.
    assert found["rewards/accuracy"] == pytest.approx(1.5 / 4) and found["rewards/ties"] == 0.25


def test_a_batch_of_one_label_says_nothing_about_the_other() -> None:
    found = measured(build("kto"), {"responses": of_ratios([2.0])}, 1, label=[1.0])
    assert "rewards/desirable" in found and "rewards/undesirable" not in found


def test_views_of_the_step_have_no_metrics_of_their_own() -> None:
    views = {"responses": of_ratios([1.0]), "mismatched": of_ratios([9.0])}
    found = measured(build("kto"), views, 1, label=[1.0])
    assert not [name for name in found if "mismatched" in name]
    assert found["kl"] == pytest.approx(0.5)


@pytest.mark.parametrize("fields", [{"scores": [3.0, 1.0, 2.0, 5.0, 5.0]}, {"ranks": [1.0, 3.0, 2.0, 1.0, 1.0]}])
def test_groups_are_read_by_the_order_of_their_scores(fields: dict[str, list[float]]) -> None:
    responses = of_ratios([1.0, 0.5, 0.0, 2.0, 3.0], [0, 0, 0, 1, 1])
    found = measured(build("dpo-rw"), {"responses": responses}, 2, **fields)
    # Of the three pairs of the first prompt two are in order; those of the second prompt are equally good.
    assert found["rewards/accuracy"] == pytest.approx(2 / 3) and found["logps/accuracy"] == pytest.approx(2 / 3)


def test_lists_have_metrics_by_their_length_and_lists_of_equals_have_none() -> None:
    responses = of_ratios([1.0, 0.5, 0.0, 2.0, 3.0, 1.0, 1.0], [0, 0, 0, 1, 1, 2, 2])
    found = measured(build("s-dpo"), {"responses": responses}, 3, ranks=[1.0, 2.0, 2.0, 1.0, 2.0, 1.0, 1.0])
    assert found["lists/top1/3"] == 1 and found["lists/top1/2"] == 0 and "lists/top1/4" not in found
    assert found["rewards/top1"] == 0.5 and found["lists/share/3"] == 0.5 and found["lists/share/9"] == 0
    assert found["rewards/kendall"] == pytest.approx((2 / 6**0.5 - 1) / 2) == pytest.approx(found["logps/kendall"])


def test_items_are_read_by_their_relevance_not_by_their_position() -> None:
    responses = of_ratios([0.0, 1.0], [0, 0])
    found = measured(build("irpo"), {"responses": responses}, 1, relevance=[0.0, 2.0], positions=[1.0, 2.0])
    assert found["rewards/ndcg"] == found["rewards/top1"] == found["rewards/accuracy"] == 1


def test_sources_are_read_by_the_token() -> None:
    mask = torch.tensor([[True, True], [True, False]])
    view = Scored(torch.tensor([[-1.0, -2.0], [-6.0, 0.0]]), None, mask)
    found = measured(build("grad-diff"), {"forget": view, "retain": view}, 2)
    assert found["nll/forget"] == found["nll/retain"] == pytest.approx(3.0)
    assert found["logps/forget"] == pytest.approx(-4.5)


@pytest.mark.parametrize("name", [name for name in names() if get(name).__module__.startswith("penchant.")])
def test_what_an_objective_says_of_itself_is_not_repeated_under_another_name(name: str) -> None:
    objective = build(name)
    objective.compute(random_inputs(objective, seed=12))  # at its first batch, a running mean is the batch's own
    inputs = random_inputs(objective, seed=11)
    views = {key: each for key, each in inputs.items() if isinstance(each, Scored)}
    fields = {key: each.tolist() for key, each in inputs.items() if isinstance(each, torch.Tensor)}
    objective.compute(random_inputs(objective, seed=12))  # a running mean of one batch is that batch's mean
    losses = objective.compute(inputs)
    found = measured(objective, views, len(losses.values), losses.statistics, **fields)
    # Shares of four examples agree by chance; a loss of two terms is its first one where the other's weight is 0.
    shares = ("example_loss", "logps/accuracy", "rewards/accuracy", "rewards/ties")
    others = {key: value for key, value in found.items() if key not in (*losses.statistics, *shares)}
    others = {
        key: value for key, value in others.items() if not {"ndcg", "kendall", "top1", "share"} & set(key.split("/"))
    }
    repeated = [
        (key, other)
        for key in losses.statistics
        for other, value in others.items()
        if abs(found[key]) == pytest.approx(abs(value), rel=1e-9)
    ]
    assert not repeated


def test_views_made_elsewhere_have_the_metrics_of_every_view_and_no_more() -> None:
    found = measured(build("dpo"), {"made_elsewhere": of_ratios([1.0])}, 1)
    each = {f"{quantity}/made_elsewhere" for quantity in ("lengths", "logps", "rewards")}
    assert set(found) == {"example_loss", "kl", *each}
