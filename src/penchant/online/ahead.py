"""`Ahead`: the samples of the next round, drawn from a server while a round trains."""

from __future__ import annotations

import threading
from collections.abc import Callable

from penchant.errors import ConfigurationError
from penchant.generation.engines import Engine
from penchant.objectives.core.requirements import Requirements
from penchant.online.on_policy import is_policy_gradient
from penchant.online.opponents import Opponent
from penchant.online.recipe import OnlineRecipe
from penchant.online.rollouts import Rollout
from penchant.online.round_files import DRAWN, RoundFiles
from penchant.online.samplers.sampler import Sampler
from penchant.rewards.judge import Judge

__all__ = ["Ahead", "check_overlap"]

#: Samples and judges a round, given its number, the version of the weights, and what is called after each answer.
Draw = Callable[[int, int, Callable[[int], None]], list[Rollout]]

# Seconds that an ending run waits for an answer that nobody will read.
PATIENCE = 5.0


class _GivenUp(Exception):
    """The run has ended, and its next round is not needed."""


class Ahead:
    """Draws one round in a thread, and keeps it in the run's folder before a state of the run is saved.

    So a run that goes on from its state finds the samples of the former weights, or has these weights to draw them
    again.

    Args:
        draw: samples and judges a round.
        files: of the rounds.
    """

    def __init__(self, draw: Draw, files: RoundFiles) -> None:
        self.draw, self.files = draw, files
        self.thread: threading.Thread | None = None
        self.found: list[Rollout] | None = None
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def begin(self, number: int, version: int) -> None:
        """Start to draw a round.

        Args:
            number: of the round, from 0.
            version: of the weights that the engine has.
        """

        def work() -> None:
            try:
                self.found = self.draw(number, version, self._go_on)
            except BaseException as error:  # raised again where the round is needed
                self.error = error

        self.found = self.error = None
        # A daemon, so that a run that is stopped twice need not wait for a server.
        self.thread = threading.Thread(target=work, name=f"round {number + 1}", daemon=True)
        self.thread.start()

    def settle(self, number: int) -> None:
        """Wait for a round that is being drawn, and write it.

        Args:
            number: of the round, from 0.

        Raises:
            PenchantError: the server or the judge has failed.
        """
        if self.thread is None:
            return
        self.thread.join()
        self.thread = None
        if self.error is not None:
            raise self.error
        assert self.found is not None
        self.files.write(number, self.found, DRAWN)

    def take(self, number: int) -> list[Rollout] | None:
        """The samples of a round, as they were drawn; None if nobody has drawn it.

        Args:
            number: of the round, from 0.
        """
        self.settle(number)
        return self.files.read_here(number, DRAWN)

    def close(self) -> None:
        """Give up what is still being drawn."""
        self.ended.set()
        if self.thread is not None:
            self.thread.join(PATIENCE)

    def _go_on(self, _done: int) -> None:
        if self.ended.is_set():
            raise _GivenUp


def check_overlap(
    recipe: OnlineRecipe,
    wanted: Requirements,
    engine: Engine,
    judge: Judge | None,
    opponent: Opponent,
    sampler: Sampler,
) -> None:
    """Refuse ``overlap`` where what is drawn beside training needs the policy that trains.

    Args:
        recipe: the run.
        wanted: requirements of the objective.
        engine, judge, opponent, sampler: what a round is drawn with.

    Raises:
        ConfigurationError: a part of the recipe does not go with it.
    """
    if not recipe.overlap:
        return
    why = "The next round is drawn while this one trains."
    if engine.follows_policy:
        raise _refused(f"The engine {engine.id!r} samples from the model in training", why, "server=URL")
    if recipe.staleness == "refuse" and is_policy_gradient(wanted):
        raise _refused(
            "The samples are those of the weights a round ago, and staleness is 'refuse'", why, "staleness=token"
        )
    if recipe.step_rule == "extragradient":
        raise _refused("The step rule 'extragradient' needs the samples of its look-ahead", why, "step_rule=plain")
    if recipe.step_rule == "restart":
        raise _refused(
            "The step rule 'restart' has the weights of the start when a round begins", why, "step_rule=plain"
        )
    if judge is not None and _reads_policy(judge):
        raise _refused(f"The judge {judge.id!r} reads the policy", why, "another judge")
    if opponent.checkpoints:
        raise _refused(f"The opponent {opponent.id!r} samples from a checkpoint", why, "opponent=none or record")
    if recipe.alternate:
        raise _refused("Rounds of several kinds take turns (alternate)", why, "one kind of round")
    if sampler.id != "independent":
        raise _refused(f"The sampler {sampler.id!r} may read the policy", why, "sampler=independent")


def _reads_policy(judge: Judge) -> bool:
    """Whether a judge, or one of its members, reads the policy of the run."""
    members = getattr(judge, "members", ())
    return any(map(_reads_policy, members)) if members else type(judge).follow is not Judge.follow


def _refused(what: str, why: str, instead: str) -> ConfigurationError:
    return ConfigurationError(f"{what}.", where="overlap", why=why, fix=f"Give overlap=0, or {instead}.")
