"""`SampledWins`: responses that the policy samples during training, compared by a judge with those of the reference."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from penchant.errors import ConfigurationError, PenchantError, TrainingError
from penchant.evaluation.policies.judging import judge_pairs
from penchant.feedback.records import Record
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Scorer
from penchant.modalities import Modality
from penchant.rewards.judge import Judge
from penchant.rewards.registry import build_judge
from penchant.training.devices.agreement import agreed, is_first
from penchant.training.preparation import Prepared
from penchant.training.recipe import NamedReference, Recipe
from penchant.training.settings.evaluating import SampledEvaluation

__all__ = ["SampledWins", "random_state_kept", "sampled_wins"]

log = logging.getLogger("penchant")


class SampledWins:
    """The win rate of the policy's sampled responses, by a judge.

    All models answer the same prompts with the same seed, so that only the model differs. Neither sampling nor the
    judge changes a random state of the training.

    Args:
        settings: the recipe's ``eval``.
        judge: compares the responses.
        records: hold the prompts, each once, and what the judge reads.
        modality: samples the responses.
        seed: of the bootstrap.
    """

    def __init__(
        self, settings: SampledEvaluation, judge: Judge, records: Sequence[Record], modality: Modality, seed: int
    ) -> None:
        self.settings, self.judge, self.records = settings, judge, records
        self.modality, self.seed = modality, seed
        self.theirs: list[str] = []
        self.policy: Scorer[Any] | None = None
        self.samples_here = True
        self.measured = False

    def begin(self, policy: Scorer[Any], reference: Reference[Any, Any], samples_here: bool) -> None:
        """Sample the responses to compare with; called while the policy is still the model of the start.

        Args:
            policy: the model that will be trained.
            reference: the run's reference; one that is another model answers itself.
            samples_here: whether this process samples.
        """
        self.policy, self.samples_here = policy, samples_here
        named = self.settings.win_rate_against == "reference" and reference.kind == "model"
        model: Any = getattr(reference, "scorer") if named else policy  # noqa: B009  # of this kind alone
        if samples_here:
            self.theirs = self._answers(model)

    def metrics(self) -> dict[str, float]:
        """``judge/win_rate`` with its bootstrap interval, ``judge/score``, ``judge/length``, ``judge/unread``.

        The first process alone asks the judge, so that no call is paid twice. A judge that fails once training has
        begun leaves a gap and a warning: the run goes on.

        Raises:
            PenchantError: the judge fails at the first measurement.
        """
        found: dict[str, float] = {}
        failed: PenchantError | None = None
        try:
            ours = self._answers(self.policy) if self.samples_here else []
            if is_first():
                found = self._judged(ours)
        except PenchantError as error:
            failed = error
        found, problem = agreed((found, None if failed is None else str(failed)))
        if problem is not None and not self.measured:
            raise failed or TrainingError(problem, where="eval.judge")
        if problem is not None:
            log.warning("The sampled responses were not judged, and training goes on: %s", problem)
        self.measured = True
        return found

    def _judged(self, ours: Sequence[str]) -> dict[str, float]:
        with random_state_kept():
            found = judge_pairs("policy", self.judge, self.records, ours, self.theirs, seed=self.seed)
        return {**found.metrics, "judge/unread": found.unread / len(self.records)}

    def _answers(self, scorer: Scorer[Any] | None) -> list[str]:
        assert scorer is not None
        prompts = [record.prompt for record in self.records]
        chosen = self.settings
        with random_state_kept():
            return self.modality.answers(
                scorer, prompts, max_new_tokens=chosen.max_new_tokens, temperature=chosen.temperature
            )


def sampled_wins(recipe: Recipe, prepared: Prepared, device: Any) -> SampledWins | None:
    """What a recipe's ``eval`` measures, with the judge loaded; None without that key.

    Args:
        recipe: the recipe.
        prepared: the run's data and modality.
        device: of the judge.

    Raises:
        ConfigurationError: the run samples no texts, the reference is not in memory, or the judge never scores.
        DataError: a record lacks what the judge needs.
    """
    chosen = recipe.eval
    if chosen is None:
        return None
    _check(recipe, prepared)
    distinct = {repr(record.prompt): record for record in prepared.sampled}
    records = list(distinct.values())[: chosen.prompts]
    judge = build_judge(chosen.judge, records, device)
    if judge is None:
        raise ConfigurationError(
            f"The judge {chosen.judge['name']!r} never scores.", where="eval.judge", fix="Name another judge."
        )
    return SampledWins(chosen, judge, records, prepared.modality, recipe.seed)


def _check(recipe: Recipe, prepared: Prepared) -> None:
    """Refuse runs without responses or without a reference that could answer."""
    assert recipe.eval is not None
    if not prepared.objective.requirements.needs.scores:
        raise ConfigurationError(
            f"{prepared.objective.id} trains a reward model, which writes no responses to judge.",
            where="eval",
            fix="Remove eval, and measure the reward model with `penchant judge FILE --judge RUN`.",
        )
    if not prepared.modality.answers_in_text:
        raise ConfigurationError(
            f"Sampled responses of the modality {prepared.modality.name!r} cannot be judged: they are no texts.",
            where="eval",
            fix="Remove eval.",
        )
    named = isinstance(recipe.reference, NamedReference)
    if recipe.eval.win_rate_against == "reference" and named and getattr(recipe.reference, "cached", False):
        raise ConfigurationError(
            "The reference cannot answer: its log-probabilities are cached, and the model has left the memory.",
            where="eval.win_rate_against",
            fix="Give reference.cached=false, or win_rate_against=start.",
        )


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the random states of Python, numpy and torch (every device) at the end."""
    own, arrays = random.getstate(), np.random.get_state()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(own)
            np.random.set_state(arrays)
