"""`Kind`, a kind of adapter that a search chooses: what a rank means for it, and the keys of a recipe that train it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LORA", "Kind", "kind_of", "trained_weights"]

#: Kinds whose field ``r`` is not a number of rows: more of it does not train more.
OTHER_R = {"oft", "randlora", "tinylora", "unilora", "vblora"}
#: Kinds that keep to a rank of their own for some layers; PEFT's ``rank_pattern`` of other kinds is not read.
PATTERNED = {"loha", "lokr", "delora"}
#: What a search sets itself in ``lora``.
OWN = (
    "kind",
    "targets",
    "target_modules",
    "rank",
    "r",
    "rank_pattern",
    "alpha",
    "alpha_pattern",
    "feedforward_modules",
)


@dataclass(frozen=True)
class Kind:
    """A kind of adapter.

    Args:
        name: of PEFT, in lower case.
        ranked: whether a rank is its size; otherwise a rank above 0 only puts it there.
        patterned: whether layers may have different ranks.
        scaled: whether it is scaled by alpha / rank.
        fields: further fields of its configuration.
    """

    name: str
    ranked: bool
    patterned: bool
    scaled: bool
    fields: Mapping[str, Any] = field(default_factory=dict)

    def ranks(self, given: Mapping[str, int], grids: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        """The ranks that stand for the same adapter as the given ones, by group.

        Without ranks it is the smallest of the grid that is above 0, wherever one is given; with one rank for all
        layers it is the largest of the given ones, in the groups whose grid has it.

        Args:
            given: a rank of each group.
            grids: the ranks of each group, ascending.

        Example:
            >>> grids = {"attention": (0, 2, 4), "feed-forward": (0, 2, 4)}
            >>> ia3 = Kind("ia3", ranked=False, patterned=False, scaled=False)
            >>> ia3.ranks({"attention": 4, "feed-forward": 0}, grids)
            {'attention': 2, 'feed-forward': 0}
            >>> vera = Kind("vera", ranked=True, patterned=False, scaled=False)
            >>> vera.ranks({"attention": 4, "feed-forward": 2}, grids)
            {'attention': 4, 'feed-forward': 4}
        """
        if self.ranked and self.patterned:
            return dict(given)
        if not self.ranked:
            return {group: min(filter(None, grids[group])) if rank else 0 for group, rank in given.items()}
        most = max(given.values())
        return {group: most if rank and most in grids[group] else 0 for group, rank in given.items()}

    def recipe(self, ranks: Mapping[str, int], scale: float, feed_forward: set[str]) -> dict[str, Any]:
        """The key ``lora`` of a recipe.

        Args:
            ranks: of each layer that gets an adapter, by path.
            scale: alpha / rank.
            feed_forward: paths of the layers that are not the attention's.
        """
        first = next(iter(ranks.values()))
        found: dict[str, Any] = {**self.fields, "targets": sorted(ranks)}
        if self.name != "lora":
            found["kind"] = self.name
        if self.name == "ia3":  # it scales the inputs of these, and the outputs of the others
            found["feedforward_modules"] = sorted(feed_forward & set(ranks))
        sized: dict[str, Mapping[str, float]] = {"rank": ranks} if self.ranked else {}
        if self.scaled:
            sized["alpha"] = {path: scale * rank for path, rank in ranks.items()}
        for name, each in sized.items():
            found[name] = each[next(iter(ranks))]
            if others := {path: value for path, value in each.items() if ranks[path] != first}:
                found[f"{name}_pattern"] = others
        return found


LORA = Kind("lora", ranked=True, patterned=True, scaled=True)


def kind_of(name: str, fields: Mapping[str, Any], where: str) -> Kind:
    """A kind by its name.

    Args:
        name: of PEFT.
        fields: of its configuration.
        where: named in errors.

    Raises:
        ConfigurationError: there is no such kind, it cannot be trained here, or the search sets a field itself.
    """
    from penchant.likelihood.adapting.kinds import VIRTUAL, configuration_of

    for own in OWN:
        if own in fields:
            raise ConfigurationError(f"The search sets {own} itself.", where=f"{where}: {name}", fix="Remove it.")
    if name == "lora":
        return Kind(name, ranked=True, patterned=True, scaled=True, fields=dict(fields))
    known = configuration_of(name).__dataclass_fields__
    if name in VIRTUAL or name == "adaption_prompt":
        raise ConfigurationError(
            f"The kind {name!r} puts virtual tokens before every sequence; a search chooses layers for an adapter.",
            where=where,
            fix="Search prefix with serial and parallel (space: {serial: [...], parallel: [...], prefix: [...]}).",
        )
    ranked = "r" in known and name not in OTHER_R
    return Kind(name, ranked, name in PATTERNED, ranked and "alpha" in known, dict(fields))


def trained_weights(model: nn.Module, lora: Mapping[str, Any]) -> int:
    """Number of weights that an adapter trains, counted on a copy of the model.

    Args:
        model: without an adapter.
        lora: the key of a recipe.

    Raises:
        ConfigurationError: the kind does not fit the model.
    """
    from penchant.likelihood.adapting.kinds import measured_kind
    from penchant.training.settings.adapter import LoRA

    adapter = LoRA.model_validate(dict(lora))
    kind, row = adapter.kind, measured_kind(model, adapter.kind, adapter.peft)
    if "reason" in row:
        raise ConfigurationError(
            f"An adapter of the kind {kind} does not fit this model: {row['reason']}",
            where="space.kinds",
            fix="Give its fields other values, or leave the kind out.",
        )
    return int(row["parameters"])
