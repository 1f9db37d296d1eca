"""DSEE: sparse and low-rank updates of attention matrices; weights, or heads and units, pruned on the way."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.training.devices.processes import Processes
from penchant.training.parameters.added import AddedStrategy, Place
from penchant.training.parameters.frozen import trained_weights
from penchant.training.parameters.masked import packed, unpacked
from penchant.training.parameters.names import nearest_weight
from penchant.training.parameters.parts import place_in_part
from penchant.training.parameters.strategy import Start

__all__ = ["DSEE", "residual_support"]

# Entries of the sparse part below this are 0 in the decomposition.
SMALL = 0.01
GROWTH = 5
QUERY_VALUE = ("*.q_proj.weight", "*.v_proj.weight")
# What reads the outputs of the heads, and those of the feed-forward units.
OF_HEADS, OF_UNITS = "*.o_proj.weight", "*.down_proj.weight"


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

    With ``structure: heads`` whole attention heads, and feed-forward units, are pruned instead. Each has a coefficient
    that its output is multiplied with, 1 at first, trained with an L1 penalty; those with the smallest coefficients go.
    What is kept of a coefficient becomes part of the matrix behind it (`o_proj`, `down_proj`).

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
    sparsity: Annotated[
        float, Ge(0), Lt(1), "share of the tuned matrices' weights (or of the heads) that is pruned; 0 prunes none"
    ] = 0.5
    structure: Annotated[Literal["weights", "heads"], "what is pruned: single weights, or heads and units"] = "weights"
    units: Annotated[float, Ge(0), Lt(1), "with structure=heads: share of the feed-forward units that is pruned"] = 0.0
    l1: Annotated[float, Ge(0), "with structure=heads: factor of the sum of |coefficients|, before the pruning"] = 1e-4

    @property
    def parts(self) -> int:  # type: ignore[override]
        """Two if anything is pruned."""
        return 2 if self.sparsity or self.units else 1

    def check_recipe(self, recipe: Any, processes: Processes) -> None:
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
        if self.units and self.structure == "weights":
            raise ConfigurationError(
                "parameters=dsee prunes units with structure: heads alone.",
                where="parameters.units",
                fix="Add structure: heads, or remove units.",
            )
        if self.parts > 1 and (recipe.keep == "best" or recipe.early_stopping is not None):
            raise self._refused("a run keeps its best weights or stops early", "keep", "Use keep=last, or sparsity: 0.")
        if self.structure == "heads" and self.l1 and recipe.precision == "float16":
            raise self._refused("gradients are scaled (float16) and l1 is above 0", "precision", "Use bfloat16.")
        if self.parts > 1 and recipe.schedule in ("reduce_lr_on_plateau", "greedy"):
            raise self._refused("the learning rate follows a metric", "schedule", "Use schedule=linear.")

    def check(self, start: Start) -> None:
        """See `Strategy.check`.

        Raises:
            ConfigurationError: a pattern matches no matrix, or there is one step where two parts are needed.
        """
        super().check(start)
        self._targets(start)
        self._groups(start)
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
                    f"No matrix has a name like {pattern!r}. {nearest_weight(pattern, weights)}",
                    where="parameters.targets",
                    fix="Use the names of `model.named_parameters()`, with * for any text.",
                )
        return {name: each for name, each in weights.items() if any(fnmatchcase(name, one) for one in patterns)}

    def choose(self, start: Start) -> dict[str, Place]:
        """See `AddedStrategy.choose`."""
        drawn = torch.Generator().manual_seed(start.seed)
        scale = self.alpha / max(self.rank, 1)
        groups = self._groups(start)
        places = {
            name: Place(
                self.rank, self._support(weight, drawn) if self.entries else None, scale, False, groups.get(name, 0)
            )
            for name, weight in self._targets(start).items()
        }
        return places | {name: Place(groups=count) for name, count in groups.items() if name not in places}

    def _groups(self, start: Start) -> dict[str, int]:
        """The matrices whose columns have coefficients, with the number of these.

        Raises:
            ConfigurationError: the model has no such matrices, or its heads do not divide their columns.
        """
        if self.structure == "weights":
            return {}
        weights = trained_weights(start)
        heads = int(getattr(start.scorer.core.config.get_text_config(), "num_attention_heads", 0) or 0)
        found = {name: heads for name in weights if fnmatchcase(name, OF_HEADS)}
        found |= {name: weights[name].shape[1] for name in weights if self.units and fnmatchcase(name, OF_UNITS)}
        if not any(fnmatchcase(name, OF_HEADS) for name in found) or any(
            not count or weights[name].shape[1] % count for name, count in found.items()
        ):
            raise ConfigurationError(
                f"The heads of {type(start.scorer.core).__name__} cannot be told apart.",
                where="parameters.structure",
                why=f"They are the columns of {OF_HEADS}, num_attention_heads in each.",
                fix="Use structure: weights.",
            )
        return found

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
        self.steps, self.pruned = len(start.epochs), bool(state["pruned"])
        for name, bits in state["kept"].items():
            each = self.added[name]
            each.kept = unpacked(bits, self.shapes[name]).to(each.support.device)

    @torch.no_grad()
    def before_step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """See `Strategy.before_step`."""
        if self.pruned or place_in_part(step, self.steps, self.parts)[0] == 0:
            return
        self.pruned = True
        if self.structure == "heads":
            self._prune_groups(OF_HEADS, self.sparsity)
            self._prune_groups(OF_UNITS, self.units)
            return
        sizes = {name: getattr(*owner).abs().float() for name, owner in self.owners.items()}
        every = torch.cat([each.flatten() for each in sizes.values()])
        bar = every.kthvalue(max(1, int(self.sparsity * every.numel()))).values
        for name, each in sizes.items():
            self.added[name].kept = each > bar

    def _prune_groups(self, pattern: str, share: float) -> None:
        """Drop the share of the groups of all matrices together whose coefficients are smallest."""
        sizes = {
            name: each.coefficients.detach().abs()
            for name, each in self.added.items()
            if each.coefficients is not None and fnmatchcase(name, pattern)
        }
        count = int(share * sum(map(len, sizes.values())))
        if not count:
            return
        every = torch.cat(list(sizes.values()))
        gone = torch.zeros_like(every, dtype=torch.bool)
        gone[every.argsort(stable=True)[:count]] = True
        for name, dropped in zip(sizes, gone.split([*map(len, sizes.values())]), strict=True):
            weight = getattr(*self.owners[name])
            self.added[name].kept = self.added[name].of_columns(~dropped, weight).expand_as(weight).clone()

    def after_backward(self) -> None:
        """See `Strategy.after_backward`: the pull of the coefficients to 0, until heads and units are pruned."""
        if self.pruned:
            return
        for each in self.added.values():
            if each.coefficients is not None and each.coefficients.grad is not None:
                each.coefficients.grad.add_(each.coefficients.detach().sign(), alpha=self.l1)

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`."""
        kept = {name: packed(each.kept) for name, each in self.added.items() if each.kept is not None}
        return {**super().state(), "kept": kept, "pruned": self.pruned}
