"""`TreeSearch`, the base class of samplers that grow a tree of steps for each prompt, several prompts at a time."""

from __future__ import annotations

import contextlib
import math
from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Sampling
from penchant.objectives.functional.games.tree_values import prior_of
from penchant.online.samplers.sampler import Drawn, Means, Sampler
from penchant.online.samplers.search.gardener import Gardener, Limits
from penchant.online.samplers.search.growth import Growth, Leaf
from penchant.rewards.scores import scored_samples

__all__ = ["Growing", "TreeSearch"]

#: A search of one tree: it yields the node whose next steps it needs, and finds them among the node's children.
Growing = Generator[Leaf, None, None]


class TreeSearch(Sampler):
    """Base class: grows the trees of several prompts side by side, so that their steps are drawn in one batch.

    Keys and values of every token are kept with its step, so a beginning is read once however often it is continued.
    The random numbers of a step follow from the seed, the prompt's place and the step that it continues.

    A subclass says how a tree is searched (`grow`) and how new steps are evaluated (`evaluate`).
    """

    grows = True
    draws = False
    varies = True

    depth: Annotated[int, Ge(1), "steps of a response, the last of which goes on to its end"] = 3
    actions: Annotated[int, Ge(1), "steps drawn after a step"] = 2
    step_tokens: Annotated[int, Ge(1), "tokens of a step before the last; a longer one is cut there, and counted"] = 64
    alike: Annotated[
        float, Gt(0), Interval(le=1), "share of equal characters from which two steps count as one; 1 for all"
    ] = 1.0

    def check(self, means: Means, records: Sequence[Record]) -> None:
        """See `Sampler.check`: steps are drawn here, token by token, from the model in this process.

        Raises:
            ConfigurationError: the engine is a server, draws by search, or changes the distribution.
        """
        engine = means.engine
        changed = engine.alters() if isinstance(engine, InProcessEngine) else [engine.id]
        if changed or not isinstance(engine, InProcessEngine) or not engine.draws:
            raise ConfigurationError(
                f"The sampler {self.id!r} draws tokens from the model in this process; the engine {engine.id!r} "
                f"{'has its own way' if changed == [engine.id] or not changed else 'has ' + ', '.join(changed)}.",
                where="engine",
                why="The search keeps the model's keys and values from step to step.",
                fix="Give engine=transformers without options.",
            )

    def draw(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        """See `Sampler.draw`; the number of samples follows from the search."""
        engine = means.engine
        assert isinstance(engine, InProcessEngine)
        growths = [
            Growth.of(record, engine.prompt_ids(means.asking.question(record)), (seed + place,))
            for place, record in enumerate(records)
        ]
        with _evaluating(engine.model):
            gardener = self.gardener(engine, sampling)
            self._together(growths, gardener, means)
        return [self._found(growth) for growth in growths]

    def gardener(self, engine: InProcessEngine, sampling: Sampling) -> Gardener:
        """What continues the trees.

        Args:
            engine: with its model.
            sampling: how tokens are drawn.
        """
        limits = Limits(self.depth, self.step_tokens, sampling.max_new_tokens, self.alike)
        return Gardener(engine, sampling, limits, self.step_ends, self.step_ends_needed)

    @property
    def step_ends(self) -> tuple[str, ...]:
        """The texts that end a step: the end of a line."""
        return ("\n",)

    @property
    def step_ends_needed(self) -> int:
        """How many of them a step has."""
        return 1

    def count(self, leaf: Leaf) -> int:
        """How many steps are drawn after a node."""
        return self.actions

    @abstractmethod
    def grow(self, growth: Growth) -> Growing:
        """Search a tree: yield each node whose next steps are needed, which are then its children.

        Args:
            growth: a tree without steps.
        """

    @abstractmethod
    def evaluate(self, added: Sequence[tuple[Growth, Leaf]], gardener: Gardener, means: Means) -> None:
        """Set ``value`` and ``q`` of new steps.

        Args:
            added: trees with their new steps, those of one tree one after the other; the prior and, where the
                response ends, the judge's score are known.
            gardener: asks the policy.
            means: the judge.
        """

    def _together(self, growths: Sequence[Growth], gardener: Gardener, means: Means) -> None:
        running = [(growth, self.grow(growth)) for growth in growths]
        while running:
            asked = [(growth, search, next(search, None)) for growth, search in running]
            open_ = [(growth, search, leaf) for growth, search, leaf in asked if leaf is not None]
            nodes = [(growth, leaf) for growth, _search, leaf in open_]
            children = gardener.extend(nodes, [self.count(leaf) for _growth, leaf in nodes]) if nodes else []
            added = [(growth, each) for (growth, _leaf), own in zip(nodes, children, strict=True) for each in own]
            for _growth, leaf in added:
                leaf.prior = prior_of(leaf)
            self._judge(added, means)
            if added:
                self.evaluate(added, gardener, means)
            running = [(growth, search) for growth, search, _leaf in open_]

    def _judge(self, added: Sequence[tuple[Growth, Leaf]], means: Means) -> None:
        """Give the responses that end with new steps their scores."""
        if means.judge is None:
            return
        for growth in {id(growth): growth for growth, leaf in added if leaf.ended}.values():
            ends = [leaf for own, leaf in added if own is growth and leaf.ended]
            scores, _parts = scored_samples(
                means.judge, growth.record, [each.response(growth.prompt_tokens) for each in ends]
            )
            for leaf, score in zip(ends, scores, strict=True):
                leaf.outcome = score

    def _found(self, growth: Growth) -> Drawn:
        leaves = growth.leaves or [leaf for leaf in growth.nodes if not leaf.children]
        scores = tuple(leaf.outcome for leaf in leaves)
        return Drawn(
            tuple(leaf.response(growth.prompt_tokens) for leaf in leaves),
            growth.tree(),
            None if all(map(math.isnan, scores)) else scores,
            growth.facts(),
            growth.root.branch.ids,
        )


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """The model without dropout; its mode is restored at the end."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
