"""MRP, which trains directions that are projected out of the hidden states of some layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.errors import CheckpointError
from penchant.likelihood.inside.layers import decoder_layers, find_layer
from penchant.likelihood.projected.layer_parts import Projection
from penchant.likelihood.projected.layers import check_projectable, project_layer, projections
from penchant.training.parameters.projection import Initialisation, initial_directions
from penchant.training.parameters.sets import activations, has_role
from penchant.training.parameters.strategy import Start, Strategy

__all__ = ["MRP", "usual_layers"]


def usual_layers(count: int) -> list[int]:
    """The layers that are projected unless the recipe names others: those after one half and three quarters of depth.

    Args:
        count: number of decoder layers.

    Example:
        >>> usual_layers(32), usual_layers(2)
        ([16, 24], [1])
    """
    return sorted({count // 2, 3 * count // 4})


class MRP(Strategy):
    """Metamorphosis Representation Projection (Wu et al., 2025): all weights stay, directions are trained.

    The outputs of chosen layers lose their part in the space of k directions each. Directions of earlier tasks, which a
    projected model brings along, stay as they are and are joined by new ones. Initial directions come from the outputs
    at response tokens. With ``gradient-ascent + 1.2 * retain-nll`` and the optimizer ``sgd`` it is the published
    method.

    Reference:
        Wu et al. (2025), Unlearning That Lasts, arXiv:2508.15449.
    """

    id = "mrp"

    rank: Annotated[int, Ge(1), "number of directions that each layer loses"] = 2
    layers: Annotated[
        list[int] | None, "numbers of the layers; default: those after one half and three quarters of the depth"
    ] = None
    start: Annotated[
        Initialisation,
        "initial directions: forget-residual (of the forget states outside of the retain states), official (as in the "
        "published code: of the retain states outside of the forget states) or random",
    ] = "forget-residual"

    @property
    def starts_equal(self) -> bool:
        """See `Strategy.starts_equal`: directions are left out from the start."""
        return False

    def check(self, start: Start) -> None:
        """See `Strategy.check`.

        Raises:
            ConfigurationError: there is no such layer, or a layer would lose more directions than it has.
        """
        super().check(start)
        if self.start != "random":
            has_role(start, "forget")
            has_role(start, "retain")
        known, core = projections(start.model), start.scorer.core
        for path in self._paths(start):
            earlier = len(known[path].every) if path in known else 0
            check_projectable(core, path, earlier, self.rank, _width(core))

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        paths = self._paths(start)
        if self.start == "random":
            states = {path: (torch.zeros(0, _width(start.scorer.core)),) * 2 for path in paths}
        else:
            sums = [activations(start, role, paths) for role in ("forget", "retain")]  # type: ignore[arg-type]
            states = {path: (_rows(sums[0][path]), _rows(sums[1][path])) for path in paths}
        self._project(
            start,
            {
                path: initial_directions(*states[path], self.rank, self.start, start.seed + place)
                for place, path in enumerate(paths)
            },
        )

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`.

        Raises:
            CheckpointError: the checkpoint holds no directions.
        """
        if not state.get("directions"):
            raise CheckpointError("The checkpoint holds no directions.", fix="Start again with --overwrite.")
        self._project(start, state["directions"])

    def _project(self, start: Start, directions: Mapping[str, Tensor]) -> None:
        core = start.scorer.core
        core.requires_grad_(False)
        known = projections(core)
        self.trained: dict[str, Projection] = {}
        for path, rows in directions.items():
            place = next(core.get_submodule(path).parameters()).device
            before = known[path].every.detach() if path in known else torch.zeros(0, rows.shape[1])
            self.trained[path] = project_layer(core, path, before.to(place), rows.to(place))
        self.size = sum(each.numel() for each in core.parameters())

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`."""
        return {"directions": {path: each.directions.detach().cpu() for path, each in self.trained.items()}}

    def facts(self) -> dict[str, Any]:
        """See `Strategy.facts`."""
        moving = sum(each.directions.numel() for each in self.trained.values())
        layers = {path: len(each.every) for path, each in self.trained.items()}
        return {"trained_parameters": moving, "trained_share": moving / self.size, "projected": layers}

    def _paths(self, start: Start) -> list[str]:
        core = start.scorer.core
        found = decoder_layers(core)
        named = usual_layers(len(found)) if self.layers is None else self.layers
        chosen = [find_layer(core, str(number)) for number in named]
        return [path for path, layer in found if any(layer is each for each in chosen)]


def _width(core: Any) -> int:
    return int(core.config.get_text_config().hidden_size)


def _rows(moment: Tensor) -> Tensor:
    """Rows with the second moment and the span of the states whose Σ h hᵀ is given, [M, D] with M at most D."""
    values, vectors = torch.linalg.eigh(moment)
    kept = values > values.max() * 1e-10
    return (values[kept].sqrt()[:, None] * vectors.T[kept]).float()
