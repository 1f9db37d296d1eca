"""`Rates`: the learning rate of each weight, by layer, by pattern, and of the objective's own heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from penchant.errors import ConfigurationError
from penchant.likelihood.inside.layers import decoder_layers
from penchant.training.parameters.names import nearest_weight

__all__ = ["Rates", "rates_of"]

# These optimizers step inside of the backward pass or make one optimizer per layer; both have a single rate.
SINGLE = ("lomo", "adalomo", "galore_adamw_layerwise", "galore_adamw_8bit_layerwise", "galore_adafactor_layerwise")


@dataclass(frozen=True)
class Rates:
    """Peak learning rates of groups of weights; the schedule multiplies all of them alike.

    A weight has the rate of the first pattern that matches its name. Without one, a weight of decoder layer l of L has
    base · decay^(L − l), an embedding base · decay^(L + 1), and what comes after the layers has the base rate. The
    objective's own weights (reward heads and the like) have the head rate.

    Args:
        base: learning rate of the run.
        head: of the objective's own weights; None for the base rate.
        decay: factor between a layer and the one above it, in (0, 1].
        patterns: rates by pattern of a name, ``*`` for any text, as in ``model.layers.0.*``.
    """

    base: float
    head: float | None = None
    decay: float = 1.0
    patterns: Mapping[str, float] = field(default_factory=dict)

    def by_name(self, model: nn.Module) -> dict[str, float]:
        """The rate of every trained weight whose rate is not the base rate.

        Args:
            model: its tied weights have one name, usually that of the embedding.

        Raises:
            ConfigurationError: a pattern matches no trained weight, or the model has no layers.

        Example:
            >>> from torch import nn
            >>> Rates(0.1, patterns={"0.*": 0.2}).by_name(nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1)))
            {'0.weight': 0.2, '0.bias': 0.2}
        """
        trained = [name for name, each in model.named_parameters() if each.requires_grad]
        for pattern in self.patterns:
            if not any(fnmatchcase(name, pattern) for name in trained):
                raise ConfigurationError(
                    f"No trained weight has a name like {pattern!r}. {nearest_weight(pattern, trained)}",
                    where="learning_rates",
                    fix="Use the names of `model.named_parameters()`, with * for any text.",
                )
        factors = self._factors(model, trained) if self.decay != 1.0 else {}
        rates = {name: self._pattern_rate(name, self.base * factors.get(name, 1.0)) for name in trained}
        return {name: rate for name, rate in rates.items() if rate != self.base}

    def _pattern_rate(self, name: str, otherwise: float) -> float:
        return next((rate for pattern, rate in self.patterns.items() if fnmatchcase(name, pattern)), otherwise)

    def _factors(self, model: nn.Module, names: list[str]) -> dict[str, float]:
        layers = [f"{path}." for path, _layer in decoder_layers(model)]
        if not layers:
            raise ConfigurationError(
                f"{type(model).__name__} has no list of layers.",
                where="layer_learning_rate_decay",
                fix="Remove it, or give learning_rates by pattern.",
            )
        embeddings = {id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)}
        weights = dict(model.named_parameters())
        found = {name: len(layers) + 1 for name in names if id(weights[name]) in embeddings}
        for place, path in enumerate(layers):
            found |= {name: len(layers) - place for name in names if name.startswith(path)}
        return {name: self.decay**power for name, power in found.items()}

    def apply(self, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
        """Split the groups of a new optimizer by rate; a group's weights of the base rate stay where they are.

        Args:
            optimizer: without state.
            model: of its weights.

        Raises:
            ConfigurationError: as `by_name`.
        """
        weights = dict(model.named_parameters())
        rates = {id(weights[name]): rate for name, rate in self.by_name(model).items()}
        for group in list(optimizer.param_groups):
            apart = sorted({rates[id(each)] for each in group["params"] if id(each) in rates}, reverse=True)
            for rate in apart:
                chosen = [each for each in group["params"] if rates.get(id(each)) == rate]
                optimizer.param_groups.append({**group, "params": chosen, "lr": rate})
            group["params"] = [each for each in group["params"] if id(each) not in rates]

    def check(self, model: nn.Module, heads: nn.Module) -> None:
        """Refuse rates for weights that a run does not have.

        Args:
            model: the policy.
            heads: the objective.

        Raises:
            ConfigurationError: there is no head, or as `by_name`.
        """
        self.by_name(model)
        if self.head is not None and not any(True for _each in heads.parameters()):
            raise ConfigurationError(
                "The objective has no weights of its own, so head_learning_rate would do nothing.",
                where="head_learning_rate",
                fix="Remove it; learning_rates gives a rate to some of the model's weights.",
            )


def rates_of(recipe: Any) -> Rates:
    """The rates of a recipe.

    Raises:
        ConfigurationError: the optimizer has one rate for all.
    """
    rates = Rates(
        recipe.learning_rate, recipe.head_learning_rate, recipe.layer_learning_rate_decay, recipe.learning_rates
    )
    if recipe.optimizer in SINGLE and rates != Rates(recipe.learning_rate):
        raise ConfigurationError(
            f"The optimizer {recipe.optimizer} has one learning rate for all weights.",
            where="optimizer",
            fix="Use optimizer=adamw_torch_fused, or remove the further learning rates.",
        )
    return rates
