"""Published cases of MODPO, ReMoDetect and CRMT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.modality_head import OrthogonalFusion, joint_loss
from penchant.objectives.functional.ordered_rewards import ordered_pairs, replay
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import plain

__all__ = ["crmt", "remodetect"]


def _table(values: Any, leaf: bool = False) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=leaf)


def _given(values: Mapping[str, Any], *names: str) -> Any:
    """The value under the first of several names that there is; the first name's error if there is none."""
    return values[next((name for name in names if name in values), names[0])]


def _with_gradients(losses: Tensor, leaves: Mapping[str, Tensor]) -> dict[str, Any]:
    loss = losses.mean()
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    gradients = {name: each.tolist() for name, each in zip(leaves, found, strict=True)}
    return {"losses": losses.tolist(), "loss": loss.item(), "grad": gradients}


@adapter("remodetect")
def remodetect(case: Case) -> dict[str, Any]:
    """The loss of rewards of three texts each, one number or a list of one number for each text."""
    if "chosen" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    names = {side: f"{side}_rewards" for side in ("machine", "mixed", "human")}
    leaves = {name: _table(_given(case.inputs, name, side), leaf=True) for side, name in names.items()}
    weights = case.params.get("lambdas", [0.3, 1.0, 0.3])
    machine, mixed, human = (each.flatten() for each in leaves.values())
    losses = ordered_pairs(machine, mixed, human, weights, case.params.get("beta_l2", 0.01))
    if "replay_rewards" in case.inputs:
        leaves["replay_rewards"] = _table(case.inputs["replay_rewards"], leaf=True)
        teacher = _table(_given(case.inputs, "teacher_rewards", "replay_score")).flatten()
        again = replay(leaves["replay_rewards"].flatten(), teacher, case.params.get("rho", 0.01)).sum()
        losses = losses + again  # the published code adds the sum over the replayed texts to the mean of the others
    return _with_gradients(losses, leaves)


@adapter("crmt")
def crmt(case: Case) -> dict[str, Any]:
    """The head on features, the loss of the first step on given outputs, or the objective on states."""
    if "first_modality" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    if "features" in case.inputs:
        return _head(case)
    outputs = [_table(each, leaf=True) for each in case.inputs["modality_outputs"]]
    logits = _table(case.inputs["logits"], leaf=True)
    labels = torch.tensor(case.inputs["labels"])
    losses = joint_loss(outputs, logits, labels, case.params.get("rho", 2.0), case.params.get("eps", 1e-5))
    leaves = {f"modality_{place}": each for place, each in enumerate(outputs)} | {"logits": logits}
    return _with_gradients(losses, leaves)


def _head(case: Case) -> dict[str, Any]:
    weight, split = _table(case.inputs["weight"]), [int(size) for size in case.inputs["split"]]
    head = OrthogonalFusion(split, len(weight), _group(case.params.get("groups"))).double()
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(_table(case.inputs["bias"]))
        for place, scale in enumerate(head.scales):
            scale.copy_(_table(case.inputs[f"a_{place}"]))
        outputs, logits = head(_table(case.inputs["features"]))
    return {"modality_outputs": [each.tolist() for each in outputs], "logits": logits.tolist()}


def _group(groups: Any) -> int:
    """Rows in a group; the published cases say it in words."""
    if groups is None or groups == "one row per class":
        return 1
    if isinstance(groups, int):
        return groups
    raise ConfigurationError(
        f"The groups of rows are {groups!r}.", where="crmt", fix="Expected 'one row per class' or a number of rows."
    )
