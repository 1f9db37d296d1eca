"""What a search evaluates next: Bayesian with optuna, or at random."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from penchant.errors import ConfigurationError
from penchant.training.search.space import Configuration, Space

__all__ = ["SAMPLERS", "Sampler", "check_sampler", "propose"]

Sampler: TypeAlias = Literal["gp", "tpe", "random"]
SAMPLERS: tuple[Sampler, ...] = ("gp", "tpe", "random")


def check_sampler(sampler: str) -> None:
    """Refuse a sampler whose library is absent.

    Raises:
        ConfigurationError: optuna is not installed.
    """
    if sampler == "random":
        return
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"The sampler {sampler} needs optuna, which is not installed.",
            where="sampler",
            fix="pip install 'penchant[search]', or use sampler: random.",
        ) from error


def propose(
    space: Space,
    seen: Sequence[tuple[Configuration, tuple[float, float]]],
    *,
    sampler: Sampler,
    initial: int,
    seed: int,
) -> Configuration | None:
    """The configuration that is evaluated next; it depends on nothing else than the arguments.

    ``gp`` fits a Gaussian process to each objective and maximises the logarithm of the expected gain in hypervolume;
    ``tpe`` compares densities of good and bad configurations. What they propose twice, and what has no adapter, is
    replaced by a random configuration.

    Args:
        space: the configurations.
        seen: what is evaluated, with gain (larger is better) and cost (smaller is better).
        sampler: how to choose.
        initial: evaluations that are random, before the first one that follows from others.
        seed: of the search.

    Returns:
        A configuration that is not in ``seen``, or None if all are.

    Reference:
        Zhou et al. (2023), AutoPEFT, arXiv:2301.12132.
    """
    known = [configuration for configuration, _values in seen]
    if sampler != "random" and initial <= len(seen) < space.size:
        found = space.canonical(_modelled(space, seen, sampler, seed))
        if space.holds(found) and found not in known:
            return found
    return space.unseen(known, random.Random(f"{seed}/{len(seen)}"))


def _modelled(
    space: Space, seen: Sequence[tuple[Configuration, tuple[float, float]]], sampler: Sampler, seed: int
) -> Configuration:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    number = random.Random(f"{seed}/{len(seen)}").randrange(2**31)
    of_optuna: Any = optuna.samplers
    with warnings.catch_warnings():
        # Both samplers are marked as experimental in parts.
        warnings.simplefilter("ignore")
        chosen = (
            of_optuna.GPSampler(seed=number, n_startup_trials=0)
            if sampler == "gp"
            else of_optuna.TPESampler(seed=number, n_startup_trials=0, multivariate=True)
        )
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=chosen)
        choices, kinds = space.choices, _distributions(space)
        for configuration, values in seen:
            places = {name: choices[name].index(configuration[name]) for name in choices}
            study.add_trial(optuna.trial.create_trial(params=places, distributions=kinds, values=list(values)))
        asked = study.ask(kinds).params
    return {name: values[asked[name]] for name, values in choices.items()}


def _distributions(space: Space) -> dict[str, Any]:
    """Places in the grid: ranks have an order, the rest has none."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    return {
        name: IntDistribution(0, len(values) - 1)
        if name in space.ranks
        else CategoricalDistribution(range(len(values)))
        for name, values in space.choices.items()
    }
