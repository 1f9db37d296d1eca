"""A claim: a paper's headline result, restated for a small world, with what counts as reproduced fixed beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from penchant.errors import ConfigurationError
from penchant.lab.claims.contrast import Contrast
from penchant.lab.worlds.tabular import Dials, World, build_world
from penchant.registry import Registry, place_of

__all__ = ["CLAIMS", "TEST_SEEDS", "TUNING_SEEDS", "Claim", "all_claims", "find_claim"]

#: Where claims are looked for.
PAPERS = "penchant.lab.claims.papers"
#: What a claim is judged on. Nothing is chosen by looking at them.
TEST_SEEDS = range(10)
#: What hyper-parameters and thresholds are chosen on (`penchant claims NAME --tuning`).
TUNING_SEEDS = range(1000, 1010)


class Claim:
    """A paper's claim in a small world; defining a subclass with an ``id`` registers it.

    A subclass stands in a file of its own in ``lab/claims/papers``, states the attributes, and writes ``measure``.

    Attributes:
        id: lower case, words joined by hyphens; begins with the method's id.
        paper: where it is claimed, as ``arXiv:2305.18290``; empty where no paper states the method.
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
    paper: ClassVar[str] = ""
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
            CLAIMS.add(cls.id, cls)

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
        """The family: the folder of ``lab/claims/papers`` in which the claim stands, or that of its first method."""
        room, _, rest = cls.__module__.removeprefix(f"{PAPERS}.").partition(".")
        if rest and cls.__module__.startswith(f"{PAPERS}."):
            return room.replace("_", "-")
        from penchant.objectives import get

        return get(cls.methods[0]).family


#: All claims by id; defining one that has an id adds it.
CLAIMS: Registry[type[Claim]] = Registry("claim", PAPERS)


def _check(cls: type[Claim]) -> None:
    wanted = ("sentence", "methods", "world", "quantity", "contrasts")
    missing = [name for name in wanted if not getattr(cls, name, None)]
    problem = ""
    if missing:
        problem = f"The claim does not state {', '.join(map(repr, missing))}."
    elif len(cls.seeds) < 5 or set(cls.seeds) & set(TUNING_SEEDS):
        problem = "A claim needs five seeds or more, none of them a tuning seed."
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
        name: its id.

    Raises:
        ConfigurationError: there is none; the nearest is named.
    """
    return CLAIMS.get(name)
