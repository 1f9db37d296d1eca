"""DSEE: sparse and low-rank updates of attention matrices, and weights pruned on the way."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.training.parameters.added import AddedStrategy, Place
from penchant.training.parameters.frozen import trained_weights
from penchant.training.parameters.masked import packed, unpacked
from penchant.training.parameters.parts import place_in_part
from penchant.training.parameters.strategy import Start

__all__ = ["DSEE", "residual_support"]

# Entries of the sparse part below this are 0 in the decomposition.
SMALL = 0.01
GROWTH = 5
QUERY_VALUE = ("*.q_proj.weight", "*.v_proj.weight")


def residual_support(weight: Tensor, rank: int, count: int, rounds: int = 10) -> Tensor:
    """Flat places of the largest entries of S in W ≈ L + S, with L of low rank.

    L = U V with orthonormal U from the QR decomposition of (W − S) Vᵀ and V = Uᵀ (W − S); S is what is left of W,
    without entries below 0.01. The rank grows from 1 by up to five rows of the residual's R factor.

    Args:
        weight: W, a matrix.
        rank: largest rank of L.
        count: how many places.
        rounds: alternating steps at each rank.

    Reference:
        Chen et al. (2021), DSEE: Dually Sparsity-embedded Efficient Tuning, arXiv:2111.00160.
    """
    matrix = weight.detach().float()
    sparse = torch.zeros_like(matrix)
    rows = torch.linalg.qr(matrix).R[:1]
    while True:
        for _round in range(rounds):
            basis = torch.linalg.qr((matrix - sparse) @ rows.T).Q
            rows = basis.T @ (matrix - sparse)
            rest = matrix - basis @ rows
            sparse = rest.masked_fill(rest.abs() < SMALL, 0.0)
        if len(rows) >= min(rank, *matrix.shape):
            break
        more = min(GROWTH, min(rank, *matrix.shape) - len(rows))
        rows = torch.cat([rows, torch.linalg.qr(rest).R[:more]])
    return rest.abs().flatten().topk(min(count, matrix.numel())).indices.sort().values.cpu()


class DSEE(AddedStrategy):
    """Dually Sparsity-embedded Efficient Tuning (Chen et al., 2021): W' = M ∘ (W + (α / r) (U V + S)).

    U V and S, which has a fixed support, are trained. With ``sparsity`` above 0 the run has two parts: after the first
    the smallest of the tuned matrices' weights are pruned, over all of them together, and training goes on. The mask
    acts on the sum, so what is pruned is 0 in the saved model. Without support and pruning it is LoRA.

    Reference:
        Chen et al. (2021), DSEE: Dually Sparsity-embedded Efficient Tuning, arXiv:2111.00160.
    """

    id = "dsee"

    targets: Annotated[list[str] | None, "patterns of names of tuned matrices; default: query and value"] = None
    rank: Annotated[int, Ge(0), "rank r of the low-rank update"] = 8
    alpha: Annotated[float, Gt(0), "scale; the update is multiplied by alpha / rank"] = 16.0
    entries: Annotated[int, Ge(0), "entries of each matrix's sparse update"] = 64
    support: Annotated[
        Literal["residual", "magnitude", "random"],
        "where the sparse update is: largest entries outside of a low-rank part, largest weights, or drawn at random",
    ] = "residual"
    sparsity: Annotated[float, Ge(0), Lt(1), "share of the tuned matrices' weights that is pruned; 0 prunes none"] = 0.5

    @property
    def parts(self) -> int:  # type: ignore[override]
        """Two if weights are pruned."""
        return 2 if self.sparsity else 1

    def check_recipe(self, recipe: Any, processes: int) -> None:
        """See `Strategy.check_recipe`.

        Raises:
            ConfigurationError: nothing would be trained, or the best weights may be from before the pruning.
        """
        super().check_recipe(recipe, processes)
        if not self.rank and not self.entries:
            raise ConfigurationError(
                "parameters=dsee with rank 0 and no entries freezes all weights.",
                where="parameters",
                fix="Give a rank.",
            )
        if self.sparsity and (recipe.keep == "best" or recipe.early_stopping is not None):
            raise self._refused("a run keeps its best weights or stops early", "keep", "Use keep=last, or sparsity: 0.")
        if self.sparsity and recipe.schedule in ("reduce_lr_on_plateau", "greedy"):
            raise self._refused("the learning rate follows a metric", "schedule", "Use schedule=linear.")

    def check(self, start: Start) -> None:
        """See `Strategy.check`.

        Raises:
            ConfigurationError: a pattern matches no matrix, or there is one step where two parts are needed.
        """
        super().check(start)
        self._targets(start)
        if len(start.epochs) < self.parts:
            raise ConfigurationError(
                "parameters=dsee prunes half-way, but the run has one step.",
                where="parameters",
                fix="Give more steps, or sparsity: 0.",
            )

    def _targets(self, start: Start) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = {name: each for name, each in trained_weights(start).items() if each.dim() == 2}
        patterns = QUERY_VALUE if self.targets is None else tuple(self.targets)
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in weights):
                raise ConfigurationError(
                    f"No matrix has a name like {pattern!r}. {nearest(pattern, weights)}",
                    where="parameters.targets",
                    fix="Use the names of `model.named_parameters()`, with * for any text.",
                )
        return {name: each for name, each in weights.items() if any(fnmatchcase(name, one) for one in patterns)}

    def choose(self, start: Start) -> dict[str, Place]:
        """See `AddedStrategy.choose`."""
        drawn = torch.Generator().manual_seed(start.seed)
        scale = self.alpha / max(self.rank, 1)
        return {
            name: Place(self.rank, self._support(weight, drawn) if self.entries else None, scale)
            for name, weight in self._targets(start).items()
        }

    def _support(self, weight: Tensor, drawn: torch.Generator) -> Tensor:
        count = min(self.entries, weight.numel())
        if self.support == "residual":
            return residual_support(weight, max(self.rank, 1), count)
        if self.support == "magnitude":
            return weight.detach().abs().flatten().topk(count).indices.sort().values.cpu()
        return torch.randperm(weight.numel(), generator=drawn)[:count].sort().values

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        super().prepare(start)
        self.steps, self.pruned = len(start.epochs), False

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`."""
        super().resume(start, state)
        self.steps, self.pruned = len(start.epochs), bool(state["kept"])
        for name, bits in state["kept"].items():
            each = self.added[name]
            each.kept = unpacked(bits, self.shapes[name]).to(each.support.device)

    @torch.no_grad()
    def before_step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """See `Strategy.before_step`."""
        if self.pruned or place_in_part(step, self.steps, self.parts)[0] == 0:
            return
        self.pruned = True
        sizes = {name: getattr(*owner).abs().float() for name, owner in self.owners.items()}
        every = torch.cat([each.flatten() for each in sizes.values()])
        bar = every.kthvalue(max(1, int(self.sparsity * every.numel()))).values
        for name, each in sizes.items():
            self.added[name].kept = each > bar

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`."""
        kept = {name: packed(each.kept) for name, each in self.added.items() if each.kept is not None}
        return {**super().state(), "kept": kept}
