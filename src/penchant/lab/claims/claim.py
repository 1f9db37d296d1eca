"""A claim: a paper's headline result, restated for a small world, with success criteria fixed in advance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from penchant.errors import ConfigurationError
from penchant.lab.claims.contrast import Contrast
from penchant.lab.worlds.tabular import Dials, World, build_world
from penchant.registry import Registry, place_of

__all__ = ["CLAIMS", "TEST_SEEDS", "TUNING_SEEDS", "Claim", "all_claims", "find_claim"]

#: The package that is searched for claims.
PAPERS = "penchant.lab.claims.papers"
#: The seeds that claims are judged on. No setting is chosen with them.
TEST_SEEDS = range(10)
#: The seeds for choosing hyper-parameters and thresholds (`penchant claims NAME --tuning`).
TUNING_SEEDS = range(1000, 1010)


class Claim:
    """A claim of a paper, tested in a small world; defining a subclass with an ``id`` registers it.

    A subclass has its own file in ``lab/claims/papers``, sets the attributes, and implements ``measure``.

    Attributes:
        id: lower case, words joined by hyphens; starts with the id of the method.
        paper: the source, such as ``arXiv:2305.18290``; empty where no paper states the method.
        sentence: the claim in one sentence, with the conditions of the world.
        methods: ids of the objectives under test; empty where ``measures`` says what is.
        measures: names of what is under test and is no objective, such as a metric; the claim lies in the folder of
            the objectives that it serves.
        baselines: ids of the objectives that they are compared with.
        world: the settings of the tabular world, or a description of another world.
        quantity: what ``measure`` returns for each arm, with its unit.
        contrasts: the effects; the claim is reproduced if all of them are.
        seeds: at least five; `TEST_SEEDS` unless too expensive.
        cost: the kind of world: tabular (seconds), language or images (minutes).
        remark: the likely reason if it does not reproduce, or notes for interpretation.

    Raises:
        ConfigurationError: the id is malformed or taken, or an attribute is missing.

    Example:
        >>> find_claim("rdpo-flipped-labels").methods
        ('rdpo',)
    """

    id: ClassVar[str]
    paper: ClassVar[str] = ""
    sentence: ClassVar[str]
    methods: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[tuple[str, ...]] = ()
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
            CLAIMS.add(cls.id, cls)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Run the experiment once.

        Args:
            seed: seed of all random draws.

        Returns:
            One number per arm; arms that no contrast names are shown as additional information.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement `measure`.")

    def draw_world(self, seed: int) -> World:
        """The tabular world for a seed."""
        if isinstance(self.world, str):
            raise ConfigurationError("The world of this claim is not tabular.", where=f"claim {self.id}")
        return build_world(self.world, seed)

    @classmethod
    def family(cls) -> str:
        """The family: the folder of the claim in ``lab/claims/papers``, or the family of its first method."""
        room, _, rest = cls.__module__.removeprefix(f"{PAPERS}.").partition(".")
        if rest and cls.__module__.startswith(f"{PAPERS}."):
            return room.replace("_", "-")
        from penchant.objectives import get

        return get(cls.methods[0]).family


#: All claims by id; defining a claim with an id adds it.
CLAIMS: Registry[type[Claim]] = Registry("claim", PAPERS)


def _check(cls: type[Claim]) -> None:
    wanted = ("sentence", "world", "quantity", "contrasts", *(() if cls.measures else ("methods",)))
    missing = [name for name in wanted if not getattr(cls, name, None)]
    problem = ""
    if missing:
        problem = f"The claim does not set {', '.join(map(repr, missing))}."
    elif len(cls.seeds) < 5 or set(cls.seeds) & set(TUNING_SEEDS):
        problem = "A claim needs at least five seeds, none of them a tuning seed."
    if problem:
        raise ConfigurationError(problem, where=place_of(cls), fix="CONTRIBUTING.md, Add a claim, shows a whole one.")


def all_claims() -> list[type[Claim]]:
    """All claims, sorted by id.

    Example:
        >>> "rdpo-flipped-labels" in [each.id for each in all_claims()]
        True
    """
    return CLAIMS.things()


def find_claim(name: str) -> type[Claim]:
    """The claim with the id ``name``.

    Args:
        name: id of the claim.

    Raises:
        ConfigurationError: there is no such claim; the message names the nearest.
    """
    return CLAIMS.get(name)
