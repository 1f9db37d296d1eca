"""`ConvexHead`, the trained head of COALA with what it reads, and its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, ModelError
from penchant.rewards.convex.features import Pooling
from penchant.rewards.convex.operators import Gated, draw_gates
from penchant.rewards.convex.preference import fit_output
from penchant.rewards.convex.program import Network, largest_useful_penalty, network_of, solve_program
from penchant.rewards.frozen import read_part, write_part

__all__ = ["HEAD_FILE", "LINEAR_RIDGE", "ConvexHead", "HeadSettings", "fit_head", "load_head"]

#: What a head's folder holds beside its numbers.
HEAD_FILE = "coala.json"
#: Ridge of the linear head: of those whose directions become gates, and of the one that a head is compared with.
LINEAR_RIDGE = 0.1


@dataclass(frozen=True)
class HeadSettings:
    """How a head is trained.

    Args:
        gates: directions that are drawn for the gate patterns.
        penalty: b, the weight of the neurons' norms; default: a 200th of what leaves no neuron on these data.
        rho: penalty of ADMM; default: a 300th of the number of responses.
        iterations: of ADMM, at most.
        beta: scale of the score in phase II.
        gamma: margin in phase II.
        ridge: of phase II.
        rank: of the preconditioner.
        seed: of the gates and the preconditioner.
        linear_gates: whether the directions of a linear head are among those of the gates.
    """

    gates: int = 2
    penalty: float | None = None
    rho: float | None = None
    iterations: int = 100
    beta: float = 1.0
    gamma: float = 0.0
    ridge: float = 1e-3
    rank: int = 20
    seed: int = 0
    linear_gates: bool = True


@dataclass(frozen=True)
class ConvexHead:
    """A head on pooled features.

    Args:
        network: the two layers, on standardised features with a 1 at their end.
        mean: [d] of the training features.
        scale: [d] their standard deviations.
        model: folder or hub id of the frozen model.
        pooling: of its states.
        settings: of the training.
        facts: of the training: objective, iterations, neurons.
        chat_template: of the training; None for the tokenizer's own.
    """

    network: Network
    mean: Tensor
    scale: Tensor
    model: str
    pooling: Pooling
    settings: HeadSettings
    facts: dict[str, float]
    chat_template: str | None = None

    def scores(self, features: Tensor) -> Tensor:
        """[n] θ₂ᵀ max(0, f Θ₁).

        Args:
            features: [n, d] pooled features.
        """
        return self.network.scores(_prepared(features, self.mean, self.scale))

    def save(self, folder: str | Path) -> None:
        """Write the head's folder."""
        tensors = {"first": self.network.first, "out": self.network.out, "mean": self.mean, "scale": self.scale}
        about: dict[str, Any] = {"model": self.model, "pooling": self.pooling, "settings": asdict(self.settings)}
        write_part(folder, "coala", tensors, {**about, "facts": self.facts, "chat_template": self.chat_template})


def load_head(folder: str | Path) -> ConvexHead:
    """Read a head's folder.

    Raises:
        ModelError: it holds no head, or is damaged.
    """

    def build(tensors: dict[str, Tensor], about: dict[str, Any]) -> ConvexHead:
        network, settings = Network(tensors["first"], tensors["out"]), HeadSettings(**about["settings"])
        parts = (tensors["mean"], tensors["scale"], about["model"], about["pooling"], settings, about["facts"])
        return ConvexHead(network, *parts, about["chat_template"])

    return read_part(folder, "coala", "head of COALA", build)


def _prepared(features: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Standardised features with a 1 at their end, for a threshold of each neuron."""
    if features.shape[1] != len(mean):
        raise ModelError(
            f"The model gives {features.shape[1]} features, and the head reads {len(mean)}.",
            fix="Give the model that the head was trained on.",
        )
    standard = (features - mean) / scale
    return torch.cat([standard, torch.ones(len(standard), 1, dtype=standard.dtype)], dim=1)


def fit_head(
    features: Tensor, labels: Tensor, settings: HeadSettings, model: str = "", pooling: Pooling = "mean"
) -> ConvexHead:
    """Both phases on features.

    Args:
        features: [n, d] of responses.
        labels: [n] +1 for chosen, −1 for rejected.
        settings: of the training.
        model: whose features they are.
        pooling: of its states.

    Raises:
        ConfigurationError: a setting is not positive, or the penalty leaves no neuron.
    """
    for name in ("penalty", "rho", "beta", "ridge", "gates", "iterations"):
        value = getattr(settings, name)
        if value is not None and value <= 0:
            raise ConfigurationError(f"{name} is {value}, expected more than 0.", where=name)
    mean, scale = features.mean(0), features.std(0, correction=0).clamp(min=1e-8)
    inputs = _prepared(features, mean, scale)
    gated = Gated(inputs, _gates(inputs, labels, settings))
    most = largest_useful_penalty(gated, labels)
    penalty = settings.penalty or most / 200
    found = solve_program(
        gated,
        labels,
        penalty=penalty,
        rho=settings.rho or len(labels) / 300,
        iterations=settings.iterations,
        rank=settings.rank,
        seed=settings.seed,
    )
    network = network_of(found.weights)
    if not len(network.out):
        raise ConfigurationError(
            f"With penalty {penalty:.6g} no neuron is left after {found.iterations} iterations.",
            where="penalty",
            why=f"On these data {most:.3g} or more leaves none; one that is large beside rho needs many iterations.",
            fix="Give a smaller penalty, a larger rho, or more iterations.",
        )
    hidden = network.hidden(inputs)
    out = fit_output(hidden, labels, beta=settings.beta, gamma=settings.gamma, ridge=settings.ridge)
    facts = {
        "objective": found.objective,
        "objective_at_zero": 0.5 * float(labels.square().sum()),
        "iterations": found.iterations,
        "residual": found.residual,
        "neurons": len(out),
        "penalty": penalty,
    }
    return ConvexHead(Network(network.first, out), mean, scale, model, pooling, settings, facts)


def _gates(inputs: Tensor, labels: Tensor, settings: HeadSettings) -> Tensor:
    """[n, P] the gates, with those of logistic regression and its opposite."""
    if not settings.linear_gates:
        return draw_gates(inputs, settings.gates, settings.seed)
    linear = fit_output(inputs, labels, ridge=LINEAR_RIDGE)
    return draw_gates(inputs, settings.gates, settings.seed, torch.stack([linear, -linear], dim=1))
