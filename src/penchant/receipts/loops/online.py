"""Published cases of RLOO, GSPO, several rewards, step rewards and distillation."""

from __future__ import annotations

from typing import Any

import torch

from penchant.objectives.core.expression import build
from penchant.objectives.functional.sampled.baselines import leave_one_out, several_rewards, step_advantages
from penchant.objectives.functional.sampled.returns import return_to_go
from penchant.objectives.listwise.oprl import OPRL
from penchant.objectives.token_level.on_policy_distillation import generalised_jsd
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import plain
from penchant.receipts.tokens import gradients_of, listed, padded, view_of

__all__ = ["gspo", "multi_objective_grpo", "on_policy_distillation", "oprl", "rloo"]

_NORMS = {"mean_norm": "mean", "mean_std_norm": "mean_std"}


@adapter("rloo")
def rloo(case: Case) -> dict[str, Any]:
    """RLOO and ReMax: advantages of scores or token rewards, or the loss."""
    inputs, params = case.inputs, case.params
    if "old" not in inputs.get("responses", {"old": None}):
        return plain(case.method, params, inputs)
    if "advantages" in inputs:
        return _of_responses("rloo", case, {name: params[name] for name in params if name.startswith("epsilon")})
    if "token_rewards" in inputs:  # ReMax
        rewards, mask = padded(inputs["token_rewards"])
        returns = return_to_go(rewards, mask)
        baseline = torch.tensor(inputs["baseline"], dtype=torch.float64).unsqueeze(1)
        return {"returns": listed(returns, mask), "advantages": listed(returns - baseline, mask)}
    scores = torch.tensor(inputs["scores"], dtype=torch.float64)
    if scores.dim() == 2:
        groups = torch.arange(len(scores)).repeat_interleave(scores.shape[1])
        return {"shaped_scores": leave_one_out(scores.flatten(), groups).reshape(scores.shape).tolist()}
    if params.get("reward_clip_range") is not None:
        scores = scores.clamp(*params["reward_clip_range"])
    if "responses" in inputs:
        spent = [padded(inputs["responses"][name])[0].sum(-1) for name in ("old", "reference")]
        scores = scores - params["beta"] * (spent[0] - spent[1])
    found = leave_one_out(scores, torch.tensor(inputs["group"]), normalize=params.get("normalize_advantages", False))
    return {"advantages": found.tolist()}


@adapter("gspo")
def gspo(case: Case) -> dict[str, Any]:
    """GSPO: the loss under the names of verl or TRL."""
    if "old" not in case.inputs["responses"]:
        return plain(case.method, case.params, case.inputs)
    names = {"clip_ratio_low": "epsilon_low", "clip_ratio_high": "epsilon_high"}
    own = {names.get(name, name): value for name, value in case.params.items() if name != "loss_type"}
    return _of_responses("gspo", case, own)


def _of_responses(method: str, case: Case, own: dict[str, Any]) -> dict[str, Any]:
    """Losses and gradient of responses with one advantage each, every one its own example."""
    given = case.inputs["responses"]
    reference = padded(given["reference"])[0] if given.get("reference") else None
    view = view_of(given["policy"], reference=reference)
    losses = build(method, **own).double()(
        responses=view,
        advantage=torch.tensor(case.inputs["advantages"], dtype=torch.float64),
        old_policy=padded(given["old"])[0],
    )
    loss = losses.values.mean()
    slopes = gradients_of(loss, {"responses.policy": (view.policy, view.mask)})
    return {"losses": losses.values.tolist(), "loss": loss.item(), "grad": slopes}


@adapter("multi-objective-grpo", evaluates="grpo")
def multi_objective_grpo(case: Case) -> dict[str, Any]:
    """Advantages of several rewards; the name of the case is the order of summing and normalising."""
    scores = torch.tensor(
        [[float("nan") if each is None else each for each in row] for row in case.inputs["scores"]], dtype=torch.float64
    )
    weights = torch.tensor(case.params["weights"], dtype=torch.float64)
    group = torch.tensor(case.inputs["group"])
    order: Any = "normalize_then_sum" if "normalize_then_sum" in case.name else "sum_then_normalize"
    return {"advantages": several_rewards(scores, group, weights, order=order).tolist()}


@adapter("oprl")
def oprl(case: Case) -> dict[str, Any]:
    """OPRL: advantages of steps with the baseline of the released code, or the loss of its reward model."""
    inputs = case.inputs
    if "responses" in inputs:
        return plain(case.method, case.params, inputs)
    group, trajectory = torch.tensor(inputs["group"]), torch.tensor(inputs["trajectory"])
    if "steps" in inputs:
        return _trajectory_loss(case)
    norm: Any = _NORMS.get(case.params.get("mode", ""), "others")
    outcome, step = (torch.tensor(inputs[name], dtype=torch.float64) for name in ("outcome_reward", "step_reward"))
    weight = case.params.get("step_advantage_weight", 1.0)
    whole, own = step_advantages(outcome, step, group, trajectory, weight=weight, norm=norm, baseline="first_step")
    return {"advantages": (whole + own).tolist(), "episode_part": whole.tolist(), "step_part": own.tolist()}


def _trajectory_loss(case: Case) -> dict[str, Any]:
    """The mean over pairs of trajectories, with the mean over steps of the released code."""
    inputs = case.inputs
    members: dict[tuple[int, int], list[int]] = {}
    for row, key in enumerate(zip(inputs["group"], inputs["trajectory"], strict=True)):
        members.setdefault(key, []).append(row)
    steps = inputs["steps"]
    joined = {
        name: [[each for row in rows for each in steps[name][row]] for rows in members.values()]
        for name in ("prm", "old_policy")
    }
    numbers = [[place + 1.0 for place, row in enumerate(rows) for _ in steps["prm"][row]] for rows in members.values()]
    groups = {key: place for place, key in enumerate(dict.fromkeys(group for group, _ in members))}
    view = view_of(
        joined["prm"],
        reference=padded(joined["old_policy"])[0],
        group=torch.tensor([groups[group] for group, _ in members]),
    )
    success = torch.tensor([inputs["success"][rows[0]] for rows in members.values()], dtype=torch.float64)
    objective = OPRL(beta=case.params["beta"], aggregation="mean")
    loss = objective(responses=view, scores=success, step_index=padded(numbers)[0]).values.mean()
    [by_trajectory] = gradients_of(loss, {"prm": (view.policy, view.mask)}).values()
    slopes: list[list[float]] = [[] for _ in inputs["group"]]
    for rows, slope in zip(members.values(), by_trajectory, strict=True):
        rest = iter(slope)
        for row in rows:
            slopes[row] = [next(rest) for _ in steps["prm"][row]]
    return {"loss": loss.item(), "grad": {"steps.prm": slopes}}


@adapter("on-policy-distillation")
def on_policy_distillation(case: Case) -> dict[str, Any]:
    """GKD: the divergence between two tables of logits, the mean over tokens."""
    if "chosen" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    student = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in case.inputs["student_logits"]]
    teacher = [torch.tensor(each, dtype=torch.float64) for each in case.inputs["teacher_logits"]]
    beta, temperature = case.params.get("beta", 0.5), case.params.get("temperature", 1.0)
    values = [
        generalised_jsd(own.log_softmax(-1), torch.zeros(len(own)), other.log_softmax(-1), beta, temperature)
        for own, other in zip(student, teacher, strict=True)
    ]
    loss = torch.cat(values).mean()
    slopes = torch.autograd.grad(loss, student)
    return {"loss": loss.item(), "grad": {"student_logits": [slope.tolist() for slope in slopes]}}
