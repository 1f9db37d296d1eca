"""The halves of half fine-tuning: which matrices of a model move, by category, by layer, or over the whole model."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, TypeAlias

from torch import nn

from penchant.likelihood.inside.layers import decoder_layers

__all__ = ["Level", "chosen_units", "units_of"]

Level: TypeAlias = Literal["category", "layer", "model"]
#: Names of the weights of one module, which move together.
Unit: TypeAlias = tuple[str, ...]


def units_of(model: nn.Module, names: Iterable[str]) -> list[dict[str, list[Unit]]]:
    """The modules of every decoder layer by category: ``attention``, ``feed-forward`` and ``norm``.

    A module's matrix and bias are one unit, and so is all that an adapter has beside one module. Modules whose weights
    are vectors are norms.

    Args:
        model: a language model.
        names: of the weights that may move.
    """
    weights, wanted = dict(model.named_parameters()), list(names)
    found = []
    for path, _layer in decoder_layers(model):
        modules: dict[str, list[str]] = defaultdict(list)
        for name in wanted:
            if name.startswith(f"{path}."):
                modules[_module_of(model, name)].append(name)
        categories: dict[str, list[Unit]] = {"attention": [], "feed-forward": [], "norm": []}
        for module, members in modules.items():
            categories[_category(module, max(weights[each].dim() for each in members))].append(tuple(members))
        found.append(categories)
    return found


def _module_of(model: nn.Module, name: str) -> str:
    """The path of the module that has a weight, or that the adapter with it is beside."""
    parts = name.split(".")
    paths = (".".join(parts[:length]) for length in range(1, len(parts)))
    return next((path for path in paths if hasattr(model.get_submodule(path), "base_layer")), name.rpartition(".")[0])


def _category(module: str, dimensions: int) -> str:
    if dimensions < 2:
        return "norm"
    return "attention" if "attn" in module or "attention" in module else "feed-forward"


def chosen_units(layers: list[dict[str, list[Unit]]], level: Level, ratio: float, draw: random.Random) -> set[str]:
    """Names of the weights of a random share of the units.

    Per category: of n modules of a layer ``ratio`` · n move; where that is no whole number, one more in some layers
    than in the others, so that the share is right over all layers. With 0.5 these are 2 of 4 attention matrices, 2 of 3
    feed-forward matrices in one half of the layers and 1 in the other, and 1 of 2 norms. Per layer: whole layers. Per
    model: any modules.

    Args:
        layers: see `units_of`.
        level: where the share holds.
        ratio: share that moves, in (0, 1).
        draw: the source of randomness.

    Reference:
        Hui et al. (2024), HFT: Half Fine-Tuning for Large Language Models, arXiv:2404.18466.
    """
    if level == "layer":
        whole = [[unit for group in each.values() for unit in group] for each in layers]
        drawn = [unit for each in draw.sample(whole, round(ratio * len(whole))) for unit in each]
    elif level == "model":
        units = [unit for each in layers for group in each.values() for unit in group]
        drawn = draw.sample(units, round(ratio * len(units)))
    else:
        drawn = [unit for name in layers[0] for unit in _of_category([each[name] for each in layers], ratio, draw)]
    return {name for unit in drawn for name in unit}


def _of_category(groups: list[list[Unit]], ratio: float, draw: random.Random) -> list[Unit]:
    least = [int(ratio * len(group)) for group in groups]
    rest = round(ratio * sum(map(len, groups))) - sum(least)
    more = set(draw.sample([place for place, group in enumerate(groups) if least[place] < len(group)], rest))
    return [unit for place, group in enumerate(groups) for unit in draw.sample(group, least[place] + (place in more))]
