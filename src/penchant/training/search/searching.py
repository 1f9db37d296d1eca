"""Trains one configuration after another within a budget, and goes on where it was stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, OutputError, nearest
from penchant.locks import working_in
from penchant.manifest import digest_of
from penchant.training.parameters.bottleneck import blocks_of
from penchant.training.search.front import hypervolume, pareto_front
from penchant.training.search.plan import SearchPlan
from penchant.training.search.proposing import propose
from penchant.training.search.space import Configuration, Layout, Space
from penchant.writing import write_json

__all__ = ["Evaluation", "Found", "search"]

STATE = "search.json"


@dataclass(frozen=True)
class Evaluation:
    """A configuration that was trained.

    Args:
        configuration: what was chosen.
        score: the plan's measure after training.
        before: the same before it, of the model as it is.
        trained: number of trained weights.
        seconds: of the run.
        run: its folder, with the adapter.
    """

    configuration: Configuration
    score: float
    before: float
    trained: int
    seconds: float
    run: str


@dataclass(frozen=True)
class Found:
    """What a search found.

    Args:
        evaluations: in the order in which they were made.
        front: those that none beats, from the fewest trained weights to the most.
        volumes: hypervolume after each evaluation, above the untrained model and below the largest adapter; the score
            in units of the measure, the trained weights as a share of the largest adapter's.
        measure: what was measured.
        larger_is_better: whether a larger score is better.
        exhausted: whether the space has no further configuration.
    """

    evaluations: list[Evaluation]
    front: list[Evaluation]
    volumes: list[float]
    measure: str
    larger_is_better: bool
    exhausted: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def search(plan: SearchPlan, layout: Layout, said: Callable[[str], None] = lambda line: None) -> Found:
    """Evaluate configurations until the plan's number is reached; those of an earlier, stopped call count.

    The folder keeps ``search.json`` after every evaluation, and one run for each with its adapter; merged models and
    checkpoints are removed. A larger ``evaluations`` goes on from there.

    Args:
        plan: what to search.
        layout: of the recipe's model.
        said: called with a line for every evaluation.

    Raises:
        ConfigurationError: the measure does not exist or has no known direction, the model has no linear layers, or a
            kind of adapter does not fit it.
        OutputError: the folder holds another search, or another process works in it.
        PenchantError: a run failed.
    """
    _check(plan.space, layout)
    space = replace(plan.space, layers=len(layout.places) if plan.by_layer else 0)
    up, most = _direction(plan), _largest(plan, layout)
    with working_in(plan.output, fix="Name another output in the plan."):
        key, done = _key(plan), _read(plan)
        exhausted = False
        while len(done) < plan.evaluations and not exhausted:
            seen = [(each.configuration, _values(each, up)) for each in done]
            chosen = propose(space, seen, sampler=plan.sampler, initial=plan.initial, seed=plan.seed)
            if chosen is None:
                exhausted = True
                continue
            done.append(_evaluate(replace(plan, space=space), layout, chosen, len(done)))
            _write(plan, key, done)
            for part in ("model", "checkpoints"):
                shutil.rmtree(Path(done[-1].run) / part, ignore_errors=True)
            said(f"{len(done)} of {plan.evaluations}: {_line(plan, done[-1])}")
    done = done[: plan.evaluations]
    points = [_values(each, up) for each in done]
    front = [done[place] for place in pareto_front(points)]
    before = (1 if up else -1) * done[0].before
    shares = [(gain, cost / most) for gain, cost in points]
    volumes = [hypervolume(shares[: number + 1], before, 1 + 1e-9) for number in range(len(shares))]
    return Found(done, front, volumes, plan.measure, up, exhausted)


def _check(space: Space, layout: Layout) -> None:
    if space.of_bottlenecks:
        assert layout.model is not None
        blocks_of(layout.model)
    elif not any(group for groups in layout.places for group in groups.values()):
        raise ConfigurationError(
            "The model has no decoder layers with linear layers.",
            where="recipe.model",
            fix="Search a language model whose layers are torch.nn.Linear.",
        )


def _largest(plan: SearchPlan, layout: Layout) -> int:
    """Weights of the largest adapter of all kinds; a kind whose smallest or largest one does not fit is an error."""
    grids = {group: [rank for rank in grid if rank] or [0] for group, grid in plan.space.ranks.items()}
    ends = [{group: grid[end] for group, grid in grids.items()} for end in (0, -1)]
    every = [plan.space.canonical({"kind": kind.name, **ranks}) for kind in plan.space.kinds for ranks in ends]
    return max(plan.space.trained(each, layout) for each in every)


def _direction(plan: SearchPlan) -> bool:
    """Whether a larger value is better."""
    from penchant.evaluation.report.quantities import quantity

    known = {"max": "up", "min": "down"}.get(plan.goal or "") or quantity(plan.measure).better
    if known not in ("up", "down"):
        raise ConfigurationError(
            f"It is not known whether a larger or a smaller value of {plan.measure!r} is better.",
            where="measure",
            fix="Say it with goal: max or goal: min.",
        )
    return known == "up"


def _values(each: Evaluation, up: bool) -> tuple[float, float]:
    return (each.score if up else -each.score), float(each.trained)


def _evaluate(plan: SearchPlan, layout: Layout, chosen: Configuration, number: int) -> Evaluation:
    from penchant.training.api import train

    folder = plan.output / f"run-{number + 1:03d}"
    recipe: dict[str, Any] = {**plan.recipe, **plan.space.recipe(chosen, layout), "output": folder}
    summary = train(**recipe, resume="auto").summary
    figures = summary["after"]
    if plan.measure not in figures:
        raise ConfigurationError(
            f"The runs do not measure {plan.measure!r}. {nearest(plan.measure, figures)}",
            where="measure",
            why=f"They measure {', '.join(sorted(figures))}.",
        )
    score, before = float(figures[plan.measure]), float(summary["before"][plan.measure])
    trained = int(summary["trained_parameters"])
    return Evaluation(chosen, score, before, trained, float(summary["seconds"]), str(folder))


def _line(plan: SearchPlan, each: Evaluation) -> str:
    return f"{plan.measure} {each.score:.4g}, {each.trained:,} trained weights, {each.configuration}"


def _key(plan: SearchPlan) -> str:
    """What must be the same for a search to go on; more evaluations may be asked for."""
    parts = asdict(replace(plan, output=Path(), evaluations=0))
    return digest_of(json.loads(json.dumps(parts, default=str, sort_keys=True)))


def _write(plan: SearchPlan, key: str, done: list[Evaluation]) -> None:
    rows = [asdict(each) for each in done]
    write_json(plan.output / STATE, {"plan": key, "evaluations": rows}, "The search", fix="Choose another output.")


def _read(plan: SearchPlan) -> list[Evaluation]:
    file = plan.output / STATE
    if not file.is_file():
        return []
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        rows = [Evaluation(**each) for each in found["evaluations"]]
        same = found["plan"] == _key(plan)
    except (ValueError, TypeError, KeyError) as error:
        raise OutputError(
            "The state of the search cannot be read.", where=str(file), fix="Delete the folder, or name another output."
        ) from error
    if not same:
        raise OutputError(
            "The folder holds a search with another plan.",
            where=str(plan.output),
            why="Only evaluations may change between two calls.",
            fix="Name another output.",
        )
    return rows
