"""Published cases of online pairs, their selection, games between policies, and labels of the policy's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.functional.games.consistency import CONSISTENCIES
from penchant.objectives.functional.games.preference_games import (
    duality_gap,
    geometric_mixture,
    gradient_step,
    nash_md_surrogate,
    online_ipo,
)
from penchant.objectives.functional.games.tree_values import (
    back_propagate,
    label_smoothing_of_visits,
    prior_of,
    puct,
    tree_of,
)
from penchant.objectives.pairwise.games.selfie import REMEMBERED, Selfie
from penchant.online.pairs import select_pairs
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.forms import form_of
from penchant.receipts.plain import plain

__all__ = ["cream", "dno", "egpo", "iterative_dpo", "mcts_dpo", "nash_md", "online_dpo", "rebel", "selfie", "xpo"]


@adapter("iterative-dpo")
def iterative_dpo(case: Case) -> dict[str, Any]:
    """Iterative DPO: the pairs and margins of several prompts."""
    rule, inputs = case.params["rule"], case.inputs
    lengths = inputs.get("response_lengths") or [[0] * len(each) for each in inputs["rewards"]]
    penalty = case.params.get("length_penalty", 0.0) if rule == "max_min_p" else 0.0
    pairs, margins = [], []
    for prompt, (rewards, sizes) in enumerate(zip(inputs["rewards"], lengths, strict=True)):
        for chosen, rejected in select_pairs(rule, rewards, lengths=sizes, length_penalty=penalty):
            pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
            margins.append((rewards[chosen] - rewards[rejected]) * case.params.get("margin_scale", 1.0))
    return {"pairs": pairs, "margins": margins}


#: The gradient of a loss by view and model: one row of slopes per response.
Slopes = dict[str, list[list[float]]]


def _ordered(
    case: Case, sides: tuple[str, str], first_wins: list[bool], fields: Mapping[str, Any], objective: str, **hyper: Any
) -> dict[str, Any]:
    """Evaluate an objective on pairs that stand in the order they were sampled in, with gradients in that order."""
    given = {side: case.inputs[side] for side in sides}
    places = {
        view: [sides[0] if wins == (view == "chosen") else sides[1] for wins in first_wins]
        for view in ("chosen", "rejected")
    }
    views = {
        view: {model: [given[side][model][row] for row, side in enumerate(own)] for model in ("policy", "reference")}
        for view, own in places.items()
    }
    found = evaluate_plainly(build(objective, **hyper), {**views, **fields})
    grad: Slopes = {f"{side}.policy": [] for side in sides}
    for row in range(len(first_wins)):
        for view, own in places.items():
            grad[f"{own[row]}.policy"].append(found["grad"][f"{view}.policy"][row])
    return {**found, "grad": grad}


#: What the published code calls a loss, and our objective with the settings in which it is that loss.
_PAIR_LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "sigmoid": ("dpo", {}),
    "ipo": ("ipo", {"average_log_prob": False}),
    "hinge": ("slic-hinge", {}),
}


def _pair_loss(case: Case) -> str:
    return form_of(case, "loss_type", {name: objective for name, (objective, _own) in _PAIR_LOSSES.items()})


@adapter("online-dpo", evaluates=lambda case: _pair_loss(case) if "loss_type" in case.params else "dpo")
def online_dpo(case: Case) -> dict[str, Any]:
    """Two samples in the order of their rewards, less a penalty without end token; a tie goes to the first."""
    objective, own = _PAIR_LOSSES[case.params.get("loss_type", "sigmoid")]
    penalty = case.params.get("missing_eos_penalty") or 0.0
    rewards = [
        [
            reward - (0.0 if ended else penalty)
            for reward, ended in zip(
                case.inputs[f"rewards_{side}"],
                case.inputs.get(f"{side}_has_eos", [True] * len(case.inputs[f"rewards_{side}"])),
                strict=True,
            )
        ]
        for side in ("first", "second")
    ]
    wins = [first >= second for first, second in zip(*rewards, strict=True)]
    found = _ordered(case, ("first", "second"), wins, {}, objective, beta=case.params["beta"], **own)
    return {**found, "first_is_chosen": wins, "rewards_after_penalty": [*rewards[0], *rewards[1]]}


@adapter("xpo")
def xpo(case: Case) -> dict[str, Any]:
    """A sample of the policy and one of the reference, with the bonus on the latter."""
    if "policy_sample" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    wins = case.inputs["policy_sample_preferred"]
    fields = {
        "chosen_from_reference": [0.0 if each else 1.0 for each in wins],
        "rejected_from_reference": [1.0 if each else 0.0 for each in wins],
    }
    found = _ordered(case, ("policy_sample", "reference_sample"), wins, fields, "xpo", **case.params)
    return {**found, "preference_losses": found["preference"], "exploration_terms": found["exploration"]}


@adapter("rebel")
def rebel(case: Case) -> dict[str, Any]:
    """REBEL; its rewards are our scores."""
    names = {"chosen_reward": "chosen_score", "rejected_reward": "rejected_score"}
    return plain(case.method, case.params, {names.get(name, name): each for name, each in case.inputs.items()})


@adapter("dno", evaluates=lambda case: "dno" if "first" in case.inputs or "chosen_win_rate" in case.inputs else "dpo")
def dno(case: Case) -> dict[str, Any]:
    """The soft form on two samples with win rates, or DNO-Prct, which is DPO, on chosen and rejected."""
    if "first" in case.inputs:
        fields = {
            "chosen_win_rate": case.inputs["win_rate_first"],
            "rejected_win_rate": case.inputs["win_rate_second"],
        }
        eta = case.params.get("eta", case.params.get("beta", 0.1))
        return _ordered(case, ("first", "second"), [True] * len(fields["chosen_win_rate"]), fields, "dno", eta=eta)
    if "chosen_win_rate" in case.inputs:
        return plain("dno", case.params, case.inputs)
    return plain("dpo", {"beta": case.params.get("beta", case.params.get("eta", 0.1))}, case.inputs)


@adapter("nash-md")
def nash_md(case: Case) -> dict[str, Any]:
    """TRL's surrogate, token by token; or a game over a few responses, with opponents from the mixture."""
    if "preference_matrix" in case.inputs:
        return _game(case, mixture=case.params["eta"] * case.params["beta"])
    if "win_probability" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    inputs = {
        "responses": case.inputs["responses"],
        "advantage": [each - 0.5 for each in case.inputs["win_probability"]],
    }
    found = plain("nash-md", {"kl_credit": "token", **case.params}, inputs)
    return {**found, "scores": found["score"], "kl_log_ratio": found["kl"]}


@adapter("egpo")
def egpo(case: Case) -> dict[str, Any]:
    """The loss of type 1 on sampled responses, or a game over a few responses."""
    if "preference_matrix" in case.inputs:
        return _game(case, mixture=0.0)
    if "first" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    first, second = zip(*case.inputs["win_probabilities"], strict=True)
    fields = {"chosen_win_rate": list(first), "rejected_win_rate": list(second)}
    average = bool(case.params.get("normalize_logprobs", True))
    own = {"beta": case.params["beta"], "average_log_prob": average}
    return _ordered(case, ("first", "second"), [True] * len(first), fields, "egpo", **own)


def _game(case: Case, mixture: float) -> dict[str, Any]:
    """The exact loss of a game with its gradient, or the logits after three steps with the gap after each."""
    beta = case.params["beta"]
    preference, logits, reference = (
        torch.tensor(case.inputs[name], dtype=torch.float64)
        for name in ("preference_matrix", "policy_logits", "reference_logits")
    )
    surrogate = online_ipo if "-PG" not in case.name else nash_md_surrogate

    def loss(own: Tensor, opponents: Tensor) -> Tensor:
        return surrogate(own, reference, preference, beta, geometric_mixture(opponents, reference, mixture))

    if "sgd_lr" not in case.params:
        leaf = logits.requires_grad_()
        value = loss(leaf, leaf.detach())
        (slope,) = torch.autograd.grad(value, leaf)
        return {"loss": value.item(), "grad": {"policy_logits": slope.tolist()}}
    visited = [logits]
    for _ in range(3):
        visited.append(gradient_step(visited[-1], loss, case.params["sgd_lr"], extragradient=case.method == "egpo"))
    held = reference.log_softmax(-1)
    gaps = [duality_gap(each.log_softmax(-1), held, preference, beta).item() for each in visited]
    return {"policy_logits_after_each_iteration": [each.tolist() for each in visited[1:]], "duality_gap": gaps}


@adapter("cream", evaluates="cdpo")
def cream(case: Case) -> dict[str, Any]:
    """The loss with the consistency as probability of the label, or the consistency of two scorers."""
    if "rewards_current" not in case.inputs and "consistency" not in case.inputs:
        return plain("cdpo", case.params, case.inputs)
    if "rewards_current" not in case.inputs:
        rest = {name: each for name, each in case.inputs.items() if name != "consistency"}
        return plain("cdpo", {"beta": case.params["beta"]}, {**rest, "probability": case.inputs["consistency"]})
    current, before = (
        torch.tensor(case.inputs[name], dtype=torch.float64) for name in ("rewards_current", "rewards_previous")
    )
    method = case.params.get("method", "kendall")
    measure = CONSISTENCIES["toporder-published" if method == "toporder" else method]
    return {
        "consistency": measure(current, before).tolist(),
        "chosen_index": current.argmax(-1).tolist(),
        "rejected_index": current.argmin(-1).tolist(),
    }


@adapter("selfie")
def selfie(case: Case) -> dict[str, Any]:
    """The loss with a given threshold; the log-probabilities of the mixture are given too, as ``mixed``."""
    if "mixed" not in case.inputs["chosen"]:
        return plain(case.method, case.params, case.inputs)
    early = case.params.get("progress", 1.0) < 0.2
    objective = Selfie(beta=case.params["beta"], strength=case.params["refine_strength"], mixture=2.0, warm_up=1)
    objective.recent.fill_(case.params.get("threshold", 0.0))
    objective.seen.fill_(0 if early else REMEMBERED)
    views = {
        view: {str(objective.statistic) if name == "mixed" else name: rows for name, rows in given.items()}
        for view, given in case.inputs.items()
    }
    return evaluate_plainly(objective.eval(), views)


def _smoothing(case: Case) -> list[float]:
    return [label_smoothing_of_visits(*each) for each in case.inputs["visit_counts"]]


#: The losses of steps: our objective, its settings, and whether it reads the visits.
_STEP_LOSSES: dict[str, tuple[str, dict[str, Any], Callable[[Case], list[float]] | None]] = {
    "conservative": ("cdpo", {}, _smoothing),
    "sigmoid": ("dpo", {}, None),
    "ipo": ("ipo", {"average_log_prob": False}, None),
}


@adapter("mcts-dpo", evaluates=lambda case: _STEP_LOSSES[case.params["loss"]][0] if "loss" in case.params else "dpo")
def mcts_dpo(case: Case) -> dict[str, Any]:
    """The loss of a pair of steps, with labels smoothed by visits; or the values of a tree after some visits."""
    if "nodes" in case.inputs:
        return _tree(case)
    objective, own, smoothing = _STEP_LOSSES[case.params["loss"]]
    pair = {side: case.inputs[side] for side in ("chosen", "rejected")}
    flipped = _smoothing(case)
    fields = {} if smoothing is None else {"probability": [1 - each for each in flipped]}
    found = plain(objective, {"beta": case.params["beta"], **own}, pair | fields)
    return {**found, "label_smoothing": flipped}


def _tree(case: Case) -> dict[str, Any]:
    """What the published search computes; it counts the root twice."""
    rows = case.inputs["nodes"]
    known = {row["id"] for row in rows}
    root = next((row["parent"] for row in rows if row["parent"] not in known), 0)
    nodes = tree_of(case.inputs["root_value"], rows, root)
    for leaf in case.inputs["visited_leaves"]:
        back_propagate(nodes[leaf], case.params.get("gamma", 1.0), root_twice=True)
    penalty, weight = case.params.get("length_penalty", 1.25), case.params.get("exploration_weight", 1.0)
    below = {name: each for name, each in nodes.items() if each.parent is not None}
    return {
        "N": {str(name): each.visits for name, each in nodes.items()},
        "V": {str(name): each.v for name, each in nodes.items()},
        "Q": {str(name): each.q for name, each in nodes.items()},
        "prior": {str(name): prior_of(each, penalty) for name, each in below.items()},
        "puct": {str(name): puct(each, weight, penalty) for name, each in below.items()},
    }
