"""CRMT: the head and its radius, the second step, and what one modality alone is worth."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from objectives.reward_models.test_pal import view
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Demonstration
from penchant.feedback.views.view import supplied_texts
from penchant.objectives import build
from penchant.objectives.functional.modality_changes import attacked
from penchant.objectives.functional.modality_head import joint_loss, orthogonal_rows


def states(seed: int, rows: int = 6) -> Any:
    return view(torch.randn(rows, 2, 4, generator=torch.Generator().manual_seed(seed)))


def given(objective: Any, modalities: int = 2) -> dict[str, Any]:
    objective.bind(4)
    names = ("first_modality", "second_modality", "third_modality")[:modalities]
    views = {name: states(place) for place, name in enumerate(names)}
    return {**views, "class_label": torch.arange(6.0) % objective.classes}


def test_one_modality_without_its_margins_is_ordinary_cross_entropy() -> None:
    objective = build("crmt", modalities=1, classes=3, rho=0.0)
    inputs = given(objective, 1)
    [outputs] = objective.reward_head.of_states([inputs["first_modality"].end_state])
    logits = 0.1 * outputs
    expected = torch.nn.functional.cross_entropy(logits, inputs["class_label"].long(), reduction="none")
    torch.testing.assert_close(objective(**inputs).values, expected)


@pytest.mark.parametrize("group", [1, 3])
def test_rows_have_norm_1_and_mean_0_and_groups_are_orthogonal(group: int) -> None:
    objective = build("crmt", classes=3, group=group)
    objective.bind(4)
    basis = torch.eye(4)
    for table in objective.reward_head.of_states([basis, basis]):
        torch.testing.assert_close(table.norm(dim=0), torch.ones(3))
        torch.testing.assert_close(table.mean(dim=0), torch.zeros(3), atol=1e-6, rtol=0)
        if group == 3:
            torch.testing.assert_close(table.T @ table, torch.eye(3), atol=1e-5, rtol=0)


def test_rows_that_are_nearly_parallel_become_orthonormal_too() -> None:
    first = torch.tensor([1.0, -2.0, 0.5, 0.5])
    table = orthogonal_rows(torch.stack([first, first + torch.tensor([0.0, 1e-3, 0.0, 0.0])]), group=2)
    torch.testing.assert_close(table @ table.T, torch.eye(2), atol=1e-6, rtol=0)


def test_the_radius_is_unmoved_by_the_scale_of_all_factors_and_grows_in_the_second_step() -> None:
    first = build("crmt", classes=3)
    inputs = given(first)
    before = first(**inputs).statistics["certified_radius"]
    for scale in first.reward_head.scales:
        scale.data.mul_(7.0)
    torch.testing.assert_close(first(**inputs).statistics["certified_radius"], before)
    second = build("crmt", classes=3, certify=True)
    second.bind(4)
    second.load_state_dict(first.state_dict())
    trained = {name for name, each in second.named_parameters() if each.requires_grad}
    assert trained == {"reward_head.scales.0", "reward_head.scales.1"}
    torch.testing.assert_close(second(**inputs).values, -before)
    optimizer = torch.optim.SGD([each for each in second.parameters() if each.requires_grad], lr=0.05)
    for _step in range(50):
        optimizer.zero_grad()
        second(**inputs).values.mean().backward()
        optimizer.step()
    assert second(**inputs).statistics["certified_radius"].mean() > before.mean() + 0.01


def test_no_change_within_the_radius_turns_a_right_answer() -> None:
    objective = build("crmt", classes=3)
    inputs = given(objective)
    pair = [inputs[name].end_state.detach() for name in ("first_modality", "second_modality")]
    head = objective.reward_head
    label = head.logits(head.of_states(pair)).argmax(dim=1)
    radius = head.radius(head.of_states(pair), label).detach()
    assert (radius > 0).all()
    generator = torch.Generator().manual_seed(0)
    for _draw in range(50):
        step = torch.randn(6, 8, generator=generator)
        step = step / step.norm(dim=1, keepdim=True) * 0.999 * radius[:, None]
        moved = [each + part for each, part in zip(pair, step.split(4, dim=1), strict=True)]
        assert torch.equal(head.logits(head.of_states(moved)).argmax(dim=1), label)


def test_accuracy_without_a_modality_is_that_of_the_others_alone() -> None:
    objective = build("crmt", classes=2)
    inputs = given(objective)
    _first, second = objective.reward_head.of_states(
        [inputs[f"{name}_modality"].end_state for name in ("first", "second")]
    )
    alone = (second.argmax(dim=1) == inputs["class_label"]).float()
    found = objective(**inputs).statistics
    torch.testing.assert_close(found["accuracy_without_first"], alone)
    assert set(found) == {"class_accuracy", "certified_radius", "accuracy_without_first", "accuracy_without_second"}


def test_a_missing_modality_and_sizes_that_do_not_fit_are_refused() -> None:
    objective = build("crmt", modalities=3)
    inputs = given(objective)
    with pytest.raises(ConfigurationError, match="no third modality"):
        objective(**inputs)
    with pytest.raises(ConfigurationError, match=r"class_label.* is 2, expected"):
        build("crmt")(**{**given(build("crmt")), "class_label": torch.full((6,), 2.0)})
    with pytest.raises(ConfigurationError, match="3 values for 2 classes"):
        build("crmt", values=[1.0, 2.0, 3.0])
    with pytest.raises(ConfigurationError, match="groups of 2 rows"):
        build("crmt", classes=3, group=2)


def test_modalities_are_texts_that_are_read_apart() -> None:
    row = Demonstration(prompt="a picture", completion="its title")
    assert supplied_texts("first_modality", row) == [("Text:", "a picture")]
    assert supplied_texts("second_modality", row) == [("Text:", "its title")]
    assert supplied_texts("third_modality", row) is None
    pair = Comparison(prompt="p", chosen="a", rejected="b", fields={"first_modality": "x", "third_modality": "z"})
    assert (
        supplied_texts("first_modality", pair) == [("Text:", "x")] and supplied_texts("second_modality", pair) is None
    )
    assert supplied_texts("third_modality", pair) == [("Text:", "z")]
    with pytest.raises(DataError, match="'third_modality' is '3'"):
        supplied_texts("third_modality", Demonstration(prompt="p", completion="c", fields={"third_modality": 3}))


def loss_at(objective: Any, inputs: dict[str, Any], moved: list[torch.Tensor]) -> torch.Tensor:
    outputs = objective.reward_head.of_states(moved)
    label = inputs["class_label"].long()
    return joint_loss(outputs, objective.reward_head.logits(outputs), label, objective.rho, objective.eps)


def both(inputs: dict[str, Any]) -> list[torch.Tensor]:
    return [inputs[f"{name}_modality"].end_state.detach() for name in ("first", "second")]


def test_an_attack_makes_the_entropy_larger_within_its_bounds_and_leaves_held_out_figures() -> None:
    plain, attacked_one = build("crmt", classes=3, rho=0.0), build("crmt", classes=3, rho=0.0, variant="adversarial")
    inputs = given(plain)
    given(attacked_one)
    attacked_one.load_state_dict(plain.state_dict())
    before, after = plain(**inputs), attacked_one(**inputs)
    assert (after.values > before.values).all()
    torch.testing.assert_close(after.statistics["class_accuracy"], before.statistics["class_accuracy"])
    label = inputs["class_label"].long()

    def entropy(found: list[torch.Tensor]) -> torch.Tensor:
        logits = plain.reward_head.logits(plain.reward_head.of_states(found))
        return torch.nn.functional.cross_entropy(logits, label, reduction="none")

    moved = attacked(both(inputs), entropy, epsilon=0.5)
    torch.testing.assert_close(entropy(moved), after.values)
    for old, new in zip(both(inputs), moved, strict=True):
        assert (new - old).norm(dim=1).max() <= 0.5 + 1e-5
    assert all(parameter.grad is None for parameter in attacked_one.parameters()), "the attack itself leaves none"
    with torch.no_grad():
        torch.testing.assert_close(attacked_one(**inputs).values, before.values.detach())


def test_mixed_states_have_the_mixed_loss_and_need_the_whole_batch() -> None:
    objective = build("crmt", classes=3, variant="mixup")
    inputs = given(objective)
    assert objective.batch_coupled and not build("crmt").batch_coupled
    pair, share = both(inputs), (torch.arange(6.0) + 0.5) / 6
    blended = [share[:, None] * each + (1 - share[:, None]) * each[[1, 2, 3, 4, 5, 0]] for each in pair]
    turned = {**inputs, "class_label": inputs["class_label"][[1, 2, 3, 4, 5, 0]]}
    expected = share * loss_at(objective, inputs, blended) + (1 - share) * loss_at(objective, turned, blended)
    torch.testing.assert_close(objective(**inputs).values, expected)
    with torch.no_grad():
        torch.testing.assert_close(objective(**inputs).values, loss_at(objective, inputs, pair).detach())


def test_a_variant_of_the_second_step_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="variant=mixup changes the states of the first step"):
        build("crmt", certify=True, variant="mixup")
