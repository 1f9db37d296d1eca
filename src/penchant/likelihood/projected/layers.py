"""Projecting layers of a language model; such a model is saved under a model type of its own."""

from __future__ import annotations

from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.likelihood.core import core_model
from penchant.likelihood.projected.layer_parts import Projection
from penchant.likelihood.projected.modeling_projected import attach

__all__ = ["check_own_type", "check_projectable", "project_layer", "projections"]


def projections(model: nn.Module) -> dict[str, Projection]:
    """The projections of a model, by the path of their layer.

    Args:
        model: a language model, in adapters or wrappers or not.
    """
    named = core_model(model).named_modules()
    return {name.rpartition(".")[0]: part for name, part in named if isinstance(part, Projection)}


def project_layer(model: nn.Module, path: str, before: Tensor, directions: Tensor) -> Projection:
    """Project the output of a layer; the model is saved as a projected one from then on.

    Args:
        model: the transformers model, changed in place.
        path: of the layer.
        before: [P, D] fixed directions.
        directions: [K, D] trained directions.

    Raises:
        ConfigurationError: there are more directions than dimensions, or the model needs code of its own.
    """
    check_projectable(model, path, len(before), len(directions), directions.shape[1])
    projection = Projection(before, directions)
    attach(model, path, projection)
    return projection


def check_projectable(model: nn.Module, path: str, earlier: int, more: int, width: int) -> None:
    """Refuse directions that a layer cannot lose.

    Args:
        model: the transformers model.
        path: of the layer.
        earlier: number of directions that it loses already.
        more: number of further ones.
        width: dimensions of its hidden states.

    Raises:
        ConfigurationError: there are more directions than dimensions, or the model needs code of its own.
    """
    if earlier + more > width:
        raise ConfigurationError(
            f"{earlier + more} directions would be projected out of {path}, whose hidden states have {width} dimensions"
            f"{f' ({earlier} of them by earlier tasks)' if earlier else ''}.",
            where="parameters.rank",
            fix="Use a smaller rank, other layers, or fewer forget sets after one another.",
        )
    check_own_type(model)


def check_own_type(model: nn.Module) -> None:
    """Refuse a model that cannot be saved with parts of ours.

    Args:
        model: the transformers model.

    Raises:
        ConfigurationError: the model needs code of its own.
    """
    if not type(model).__module__.startswith("transformers.models."):
        raise ConfigurationError(
            f"{type(model).__name__} is not a model of transformers itself.",
            where="parameters",
            why="A model with such parts is saved with the code that runs them, which builds it from transformers.",
            fix="Use a model that transformers has, or another strategy.",
        )
