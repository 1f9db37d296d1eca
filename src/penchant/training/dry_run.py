"""``penchant train --dry-run``: the resolved recipe, the plan and a memory estimate of a run."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from statistics import fmean
from typing import Any

from rich.table import Table

from penchant.checks.template_checks import UNTEMPLATED
from penchant.feedback.collection import Feedback
from penchant.feedback.sources import parts_of
from penchant.forest.recycling import Mixture
from penchant.forest.supply import Supply
from penchant.terminal import make_console, shown
from penchant.training.planning import estimate_of
from penchant.training.preparation import Given, Prepared, prepare, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe
from penchant.training.supplying import mixture_of

__all__ = ["describe", "print_facts"]


def describe(recipe: Recipe, reporter: ProgressReporter) -> None:
    """Print the resolved recipe, facts about model and data, steps, and an estimate of memory.

    Args:
        recipe: the run.
        reporter: shows progress.

    Raises:
        PenchantError: any error of the run before its first step.
    """
    prepared = prepare(recipe, Given(), reporter)
    prepared.modality.check_files()
    print_facts(resolved(recipe, prepared.objective), facts(recipe, prepared))


def print_facts(recipe: Mapping[str, Any], found: Mapping[str, str]) -> None:
    """Print a resolved recipe, and facts about the run in a table.

    Args:
        recipe: keys and values.
        found: facts by name.
    """
    import yaml

    # The description goes to the output stream; progress and warnings go to the error stream.
    output = make_console(highlight=False)
    output.print(yaml.safe_dump(dict(recipe), sort_keys=False).rstrip(), soft_wrap=True, markup=False)
    table = Table(title="Dry run", show_header=False)
    for name, value in found.items():
        table.add_row(name, shown(value))
    output.print(table)


def facts(recipe: Recipe, prepared: Prepared) -> dict[str, str]:
    """Facts about data, model and plan."""
    supply, plan, modality = prepared.supply, prepared.plan, prepared.modality
    steps, sizes = plan.steps, [*supply.sizes, *(size for each in supply.beside_sizes for size in each)]
    largest = max(sum(map(supply.size, supply.slots(plan, step))) for step in range(len(plan)))
    _, _, found = estimate_of(recipe, prepared)
    cut = prepared.examples.cut
    mixture = mixture_of(prepared.train, prepared.examples)
    epoch = {} if mixture is None else {"an epoch": _shares_of(prepared.train, mixture)}
    limit = "" if modality.max_length is None else f", limit {modality.max_length}"
    checks = prepared.diagnosis.checks if prepared.diagnosis is not None else []
    plain = [check for check in checks if check.name.endswith(UNTEMPLATED)]
    outside = {"chat template": f"not used by {plain[0].value} of the prompts: {plain[0].detail}"} if plain else {}
    return {
        "objective": repr(prepared.objective),
        "model": found.model,
        "data": f"{_described(prepared.train)}, {len(sizes)} used, {cut.dropped} dropped",
        **epoch,
        **outside,
        "measured on": prepared.measured_on,
        modality.unit: f"{_epoch_cost(supply, mixture)} per epoch (prompts counted once), "
        f"longest example {max(sizes):,}{limit}",
        "steps": f"{len(steps):,} of {_span([*map(len, steps)])} prompts, up to {largest:,} {modality.unit} per step",
        **found.facts,
        "memory": found.memory,
    }


def _span(sizes: list[int]) -> str:
    """The smallest and the largest of some numbers; one number where they are equal."""
    least, most = min(sizes), max(sizes)
    return f"{least}-{most}" if least < most else str(least)


def _shares_of(train: Feedback, mixture: Mixture) -> str:
    """How many examples of each file an epoch holds."""
    return ", ".join(f"{count:,} of {name}" for name, count in zip(parts_of(train), mixture.per_epoch, strict=True))


def _epoch_cost(supply: Supply, mixture: Mixture | None) -> str:
    """Work of an epoch; where examples recycle it depends on which are drawn, and their mean is taken."""
    sizes = iter(supply.sizes)
    if mixture is not None:
        parts = [list(islice(sizes, count)) for count in mixture.counts]
        return f"about {sum(fmean(part) * count for part, count in zip(parts, mixture.per_epoch, strict=True)):,.0f}"
    own = sum(sizes)
    beside = sum(fmean(each) * len(supply) for each in supply.beside_sizes)
    return f"about {own + beside:,.0f}" if beside else f"{own:,}"


def _described(feedback: Feedback) -> str:
    """Number and kind of the records of each source."""
    named = ((f"{name}: " if name else "", part) for name, part in parts_of(feedback).items())
    return ", ".join(f"{lead}{len(part)} records of kind {part.kind}" for lead, part in named)
