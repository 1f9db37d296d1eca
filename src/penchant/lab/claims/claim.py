"""A claim: a paper's headline result, restated for a small world, with what counts as reproduced fixed beforehand."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from penchant.errors import ConfigurationError, nearest
from penchant.lab.worlds.tabular import Dials, World, build_world

__all__ = ["TEST_SEEDS", "TUNING_SEEDS", "Claim", "Contrast", "all_claims", "find_claim"]

#: What a claim is judged on. Nothing is chosen by looking at them.
TEST_SEEDS = range(10)
#: What hyper-parameters and thresholds are chosen on (`penchant claims NAME --tuning`).
TUNING_SEEDS = range(1000, 1010)

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Contrast:
    """One effect of a claim: an arm is better than another, or than a number, by at least so much.

    effect = mean over the seeds of (better − worse), with its 95 % interval

    Args:
        better: the arm that is claimed to have the larger number.
        worse: the other arm, or a number. Where less is better, it is the arm with the smaller number that is
            ``worse`` here.
        smallest: the smallest effect that counts as reproduced, in the unit of the measured quantity, above 0.

    Example:
        >>> str(Contrast("rdpo", "dpo", smallest=0.05))
        'rdpo − dpo ≥ 0.05'
    """

    better: str
    worse: str | float
    smallest: float

    def __str__(self) -> str:
        return f"{self.difference} ≥ {self.smallest:g}"

    @property
    def difference(self) -> str:
        """The effect in words, as ``rdpo − dpo``."""
        return f"{self.better} − {self.worse if isinstance(self.worse, str) else format(self.worse, 'g')}"

    def effect(self, arms: Mapping[str, float]) -> float:
        """The effect in one seed."""
        return arms[self.better] - (arms[self.worse] if isinstance(self.worse, str) else self.worse)


class Claim:
    """A paper's claim in a small world; defining a subclass with an ``id`` registers it.

    A subclass stands in a file of its own in ``lab/claims/papers``, states the attributes, and writes ``measure``.

    Attributes:
        id: lower case, words joined by hyphens; begins with the method's id.
        paper: where it is claimed, as ``arXiv:2305.18290``.
        sentence: the claim in our words, one sentence, with the world's conditions.
        methods: ids of the objectives that it is about.
        baselines: ids of those that they are compared with.
        world: the dials of the tabular world, or a sentence about another one.
        quantity: what ``measure`` returns for each arm, with its unit.
        contrasts: the effects; the claim is reproduced where all of them are.
        seeds: at least five; `TEST_SEEDS` unless they cost too much.
        cost: what it runs in: tables (seconds), the language world or images (minutes).
        remark: the likely reason where it does not reproduce, or what should be known to read it.

    Raises:
        ConfigurationError: a malformed or taken id, or a statement is missing.

    Example:
        >>> find_claim("rdpo-flipped-labels").methods
        ('rdpo',)
    """

    id: ClassVar[str]
    paper: ClassVar[str]
    sentence: ClassVar[str]
    methods: ClassVar[tuple[str, ...]]
    baselines: ClassVar[tuple[str, ...]] = ()
    world: ClassVar[Dials | str]
    quantity: ClassVar[str]
    contrasts: ClassVar[tuple[Contrast, ...]]
    seeds: ClassVar[range] = TEST_SEEDS
    cost: ClassVar[Literal["tabular", "language", "images"]] = "tabular"
    remark: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "id" in vars(cls):
            _check(cls)
            _claims[cls.id] = cls

    def measure(self, seed: int) -> Mapping[str, float]:
        """Run the experiment once.

        Args:
            seed: of everything that is drawn.

        Returns:
            One number for each arm that the contrasts name; further arms are shown beside them.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it is measured.")

    def draw_world(self, seed: int) -> World:
        """The tabular world of a seed."""
        if isinstance(self.world, str):
            raise ConfigurationError("This claim's world is not a tabular one.", where=f"claim {self.id}")
        return build_world(self.world, seed)

    @classmethod
    def family(cls) -> str:
        """The family of the first method."""
        from penchant.objectives import get

        return get(cls.methods[0]).family


_claims: dict[str, type[Claim]] = {}


def _check(cls: type[Claim]) -> None:
    place = f"{cls.__module__}.{cls.__qualname__}"
    wanted = ("paper", "sentence", "methods", "world", "quantity", "contrasts")
    missing = [name for name in wanted if not getattr(cls, name, None)]
    holder = _claims.get(cls.id)
    problem = ""
    if not _ID.fullmatch(cls.id):
        problem = f"{cls.id!r} cannot be a claim's id: lower-case words joined by hyphens."
    elif holder is not None and f"{holder.__module__}.{holder.__qualname__}" != place:
        problem = f"The id {cls.id!r} is already that of {holder.__module__}.{holder.__qualname__}."
    elif missing:
        problem = f"The claim does not state {', '.join(map(repr, missing))}."
    elif len(cls.seeds) < 5 or set(cls.seeds) & set(TUNING_SEEDS):
        problem = "A claim needs five seeds or more, none of them a tuning seed."
    elif any(each.smallest <= 0 for each in cls.contrasts):
        problem = "The smallest effect of a contrast must be above 0."
    if problem:
        raise ConfigurationError(problem, where=place)


def _discover() -> None:
    package = importlib.import_module("penchant.lab.claims.papers")
    for module in pkgutil.walk_packages(package.__path__, prefix=f"{package.__name__}."):
        importlib.import_module(module.name)


def all_claims() -> list[type[Claim]]:
    """All claims, sorted by id.

    Example:
        >>> "rdpo-flipped-labels" in [each.id for each in all_claims()]
        True
    """
    _discover()
    return [_claims[name] for name in sorted(_claims)]


def find_claim(name: str) -> type[Claim]:
    """The claim with the id ``name``.

    Args:
        name: its id.

    Raises:
        ConfigurationError: there is none; the nearest is named.
    """
    _discover()
    if name not in _claims:
        raise ConfigurationError(f"There is no claim {name!r}. {nearest(name, _claims)}")
    return _claims[name]
