"""Published cases that start from the distributions of both models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penchant.receipts.checking import check_case

VOCABULARY = 4


def logs(logits: list[list[float]]) -> np.ndarray:
    """[T, V] log-probabilities."""
    table = np.array(logits)
    return table - np.logaddexp.reduce(table, axis=-1, keepdims=True)


def totals(view: dict[str, Any]) -> list[tuple[float, float]]:
    """The log-ratio and the summed divergence KL(reference ‖ policy) of each response."""
    found = []
    for policy, reference, labels in zip(view["policy_logits"], view["reference_logits"], view["labels"], strict=True):
        own, other, places = logs(policy), logs(reference), np.arange(len(labels))
        ratio = (own - other)[places, labels].sum()
        found.append((float(ratio), float((np.exp(other) * (other - own)).sum())))
    return found


def losses(inputs: dict[str, Any], beta: float, alpha: float, held: list[float] | None = None) -> np.ndarray:
    """The losses; ``held`` are chosen divergences that carry no gradient."""
    chosen, rejected = (np.array(totals(inputs[side])) for side in ("chosen", "rejected"))
    better = chosen[:, 1] if held is None else np.array(held)
    margin = chosen[:, 0] - rejected[:, 0] - alpha * (rejected[:, 1] - better)
    return np.logaddexp(0.0, -beta * margin)


def drawn(seed: int) -> dict[str, Any]:
    """Two pairs of responses of different lengths, one of them a single token."""
    drawing = np.random.default_rng(seed)

    def view(lengths: tuple[int, ...]) -> dict[str, Any]:
        policy = [drawing.normal(size=(length, VOCABULARY)).tolist() for length in lengths]
        reference = [(np.array(each) + drawing.normal(size=np.shape(each)) / 3).tolist() for each in policy]
        labels = [drawing.integers(VOCABULARY, size=length).tolist() for length in lengths]
        return {"policy_logits": policy, "reference_logits": reference, "labels": labels}

    return {"chosen": view((3, 1)), "rejected": view((2, 4))}


@pytest.mark.parametrize(("method", "beta", "alpha"), [("tdpo1", 0.5, 1.0), ("tdpo2", 0.3, 0.7)])
def test_tdpo_of_distributions_is_the_formula_with_its_slope_in_the_logits(
    method: str, beta: float, alpha: float
) -> None:
    inputs = drawn(7)
    chosen, rejected = (totals(inputs[side]) for side in ("chosen", "rejected"))
    # Only the second form stops the gradient through the chosen divergence.
    held = [divergence for _, divergence in chosen] if method == "tdpo2" else None
    slopes: dict[str, Any] = {}
    for side in ("chosen", "rejected"):
        slopes[f"{side}.policy_logits"] = []
        for response in inputs[side]["policy_logits"]:
            table = np.zeros((len(response), VOCABULARY))
            for place, token in np.ndindex(table.shape):
                level, ends = response[place][token], []
                for step in (1e-5, -1e-5):
                    response[place][token] = level + step
                    ends.append(losses(inputs, beta, alpha, held).mean())
                response[place][token] = level
                table[place, token] = (ends[0] - ends[1]) / 2e-5
            slopes[f"{side}.policy_logits"].append(table.tolist())
    expected = {
        "losses": losses(inputs, beta, alpha).tolist(),
        "loss": float(losses(inputs, beta, alpha).mean()),
        "chosen_rewards": [beta * sum(each) for each in chosen],
        "rejected_rewards": [beta * sum(each) for each in rejected],
        "chosen_position_kl_sum": [each for _, each in chosen],
        "rejected_position_kl_sum": [each for _, each in rejected],
        "grad": slopes,
    }
    params = {"beta": beta, "alpha": alpha if method == "tdpo2" else None}
    found = check_case({"method": method, "case": "logits", "params": params, "inputs": inputs, "expected": expected})
    assert found.verdict == "within", found.detail


def test_task_vectors_without_a_density_are_added_whole() -> None:
    vectors = [[[3.0, -1.0]], [[1.0, 2.0]]]
    case = {"method": "model-merging", "inputs": {"task_vectors": vectors}, "params": {"weights": [0.5, 2.0]}}
    assert check_case(case | {"expected": {"merged_task_vector": [[3.5, 3.5]]}}).verdict == "exact"
    pruned = case | {"params": {"weights": [0.5, 2.0], "density": 0.5}}
    assert check_case(pruned | {"expected": {"merged_task_vector": [[1.5, 4.0]]}}).verdict == "exact"
