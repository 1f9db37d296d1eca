"""CatalogueWorld: ratings of items with titles, from latent factors, in the order of time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.ratings.protocol import Rated, prompt_of
from penchant.lab.pretrained import PretrainedWorld, Pretraining, train_and_keep
from penchant.lab.worlds.catalogue.items import KINDS, MOODS, TOPICS, Item, make_items

__all__ = ["CatalogueWorld"]


@dataclass(frozen=True)
class CatalogueWorld(PretrainedWorld):
    """Users, items with titles, and ratings from latent factors.

    rating = round(3.4 + user bias + item quality + u·v + noise), cut to 1 … 5

    The factors of an item are those of its topic and its mood, so a title says much of them. Users rate items that are
    popular and that they like more often than others. The base model has read prompts with ratings that are drawn
    without regard to users and items: it knows the form and the frequencies of ratings, and nobody's taste.

    Args:
        users, items: their numbers; at most 1536 items.
        ratings: ratings per user, each of another item.
        factors: number of latent factors.
        taste: standard deviation of u·v.
        noise: standard deviation of what nothing explains.
        world_seed: seed of everything that is drawn.
        pretraining: training settings of the base model; ``examples`` prompts.

    Raises:
        ConfigurationError: a user would rate more items than there are.

    Example:
        >>> world = CatalogueWorld()
        >>> rated = world.rated()[0]
        >>> rated.user, 1 <= rated.rating <= 5, len(rated.title.split())
        (0, True, 3)
    """

    id: ClassVar[str] = "catalogue"
    made_by: ClassVar[tuple[str, ...]] = (
        "penchant.lab.worlds.catalogue",
        "penchant.lab.worlds.language.model",
        "penchant.lab.worlds.language.tokenizer",
        "penchant.evaluation.recommendation.ratings.protocol",
    )
    base_dials: ClassVar[tuple[str, ...]] = ("users", "items", "ratings", "factors", "taste", "noise", "world_seed")

    users: int = 120
    items: int = 150
    ratings: int = 24
    factors: int = 4
    taste: float = 0.9
    noise: float = 0.5
    world_seed: int = 0
    pretraining: Pretraining = Pretraining(1500, epochs=3, batch_size=32, learning_rate=3e-3, width=64)

    def __post_init__(self) -> None:
        most = len(TOPICS) * len(MOODS) * len(KINDS) * len(TOPICS[0][0])
        if not 0 < self.ratings <= self.items <= most or self.users < 1:
            raise ConfigurationError(
                f"{self.users} users rate {self.ratings} of {self.items} items each.",
                fix=f"Use at most {most} items, at most as many ratings per user, and at least one user.",
            )

    @cached_property
    def catalogue(self) -> list[Item]:
        """The items; an item's number is its place."""
        return make_items(self.items, self.world_seed)

    def rated(self) -> list[Rated]:
        """All ratings, by user and in the order of time; times are whole numbers of a common clock."""
        rng = np.random.default_rng([self.world_seed, 1])
        scale = np.sqrt(self.taste / np.sqrt(self.factors))
        users = rng.normal(0, scale, (self.users, self.factors))
        topics = rng.normal(0, scale, (len(TOPICS), self.factors))
        moods = rng.normal(0, scale, (len(MOODS), self.factors))
        vectors = np.asarray([0.8 * topics[item.topic] + 0.6 * moods[item.mood] for item in self.catalogue])
        quality = rng.normal(0, 0.4, self.items)
        popular = -np.log(rng.permutation(self.items) + 1.0)
        found = []
        for user in range(self.users):
            liked = users[user] @ vectors.T
            drawn = popular + liked + rng.gumbel(size=self.items)
            chosen = rng.permutation(np.argsort(-drawn)[: self.ratings])
            values = 3.4 + rng.normal(0, 0.3) + quality + liked + rng.normal(0, self.noise, self.items)
            times = np.sort(rng.choice(1000 * self.ratings, self.ratings, replace=False))
            found += [
                Rated(
                    user, int(item), self.catalogue[item].title, float(np.clip(np.round(values[item]), 1, 5)), int(at)
                )
                for item, at in zip(chosen, times, strict=True)
            ]
        return found

    def sequences(self) -> list[dict[str, Any]]:
        """Rows ``{"user", "items"}``: the titles that each user rated 4 or more, in the order of time."""
        rows: dict[int, list[str]] = {}
        for each in self.rated():
            rows.setdefault(each.user, [])
            rows[each.user] += [each.title] if each.rating >= 4 else []
        return [{"user": user, "items": titles} for user, titles in rows.items()]

    def questions(self, count: int, seed: int = 0) -> list[tuple[str, int]]:
        """Questions with the number of the item that answers them, for retrieval: ``count`` of each item."""
        rng = random.Random(seed)
        return [(item.question(rng), number) for number, item in enumerate(self.catalogue) for _ in range(count)]

    def tokenizer(self) -> Any:
        """The world's tokenizer: words of titles, of prompts, and the numbers from 0 to 9."""
        from penchant.lab.worlds.language.grammar import split_words
        from penchant.lab.worlds.language.tokenizer import build_tokenizer

        example = prompt_of([("", 1.0)], "", demonstrations=[([("", 1.0)], "", 1.0)])
        titles = " ".join(item.title for item in make_items(1536))
        return build_tokenizer(sorted({*split_words(f"{titles} {example}".lower()), *"0123456789"}), reviews=False)

    def train_base(self, folder: Path) -> None:
        """See `PretrainedWorld.train_base`."""
        from penchant.lab.worlds.language.model import tiny_model

        plan, tokenizer, rng = self.pretraining, self.tokenizer(), random.Random(self.pretraining.seed)
        ratings = [each.rating for each in self.rated()]
        rows = []
        for _ in range(plan.examples):
            titles = [item.title for item in rng.sample(self.catalogue, rng.randint(2, 11))]
            history = [(title, rng.choice(ratings)) for title in titles[:-1]]
            rows.append({"prompt": prompt_of(history, titles[-1]), "completion": f"{rng.choice(ratings):g}"})
        model = tiny_model(tokenizer, seed=plan.seed, hidden=plan.width)
        train_and_keep(folder, plan, model=model, tokenizer=tokenizer, data=rows, group_by_length=True)

    def policy(self) -> Any:
        """See `PretrainedWorld.policy`."""
        from penchant.likelihood.loading import load_model

        return load_model(self.base_model())
