"""The parts of an online run that need the model: policy, scorer, reference and collector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import set_seed

from penchant.errors import DataError
from penchant.generation.responses import Sampling
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.scorer import Scorer
from penchant.online.collecting import Collector
from penchant.online.measuring import Measured, measure
from penchant.online.preparation import Prepared
from penchant.online.recipe import OnlineRecipe
from penchant.online.reference import UpdatedReference
from penchant.online.round_files import RoundFiles
from penchant.online.sampling import Sampler
from penchant.training.arguments import training_arguments
from penchant.training.identity.origin import code_of, origin_of

__all__ = ["Loaded", "build_collector", "load", "measure_heldout", "online_origin"]


@dataclass(frozen=True)
class Loaded:
    """The model of a run.

    Args:
        policy: the trained model.
        scorer: computes its likelihoods.
        reference: of the policy, updated between rounds.
        fingerprint: of the policy before training.
    """

    policy: Any
    scorer: Scorer
    reference: UpdatedReference
    fingerprint: str

    def close(self) -> None:
        """Restore the models to their original state."""
        self.reference.close()
        self.scorer.close()


def load(recipe: OnlineRecipe, prepared: Prepared, folder: Path) -> Loaded:
    """Load the policy, and connect judge, engines and reference update to it.

    Args:
        recipe: the recipe.
        prepared: the parts built before.
        folder: of the trainer's checkpoints.

    Raises:
        ModelError: it cannot be loaded.
    """
    set_seed(recipe.seed)
    device = training_arguments(recipe.model_copy(update={"eval_every": None}), 1, folder, 1).device
    if prepared.judge is not None:
        prepared.judge.to(device)
    policy = prepared.modality.load(device)
    scorer = prepared.modality.scorer(policy)
    printed = fingerprint(scorer.core)
    prepared.update.begin(policy)
    kind = "initial" if prepared.objective.requirements.needs.reference else "none"
    precision = prepared.modality.precision
    judged_by = () if prepared.judge is None else prepared.judge.checkpoints
    reference = UpdatedReference(
        scorer.reference(kind, precision=precision),
        prepared.update,
        lambda: scorer.reference("initial", precision=precision),
        {*prepared.objective.requirements.needs.checkpoints, *prepared.opponent.checkpoints, *judged_by},
    )
    if prepared.judge is not None:
        prepared.judge.follow(scorer, reference, prepared.engine.renderer)
    prepared.engine.use(policy)
    prepared.measured_by.use(policy)
    return Loaded(policy, scorer, reference, printed)


def online_origin(recipe: OnlineRecipe, prepared: Prepared, loaded: Loaded) -> dict[str, str]:
    """Fingerprints of what the result of an online run depends on besides its recipe.

    Args:
        recipe: the recipe.
        prepared: data, judge and pairing.
        loaded: the policy before training.
    """
    judged_by = getattr(prepared.judge, "network", None)
    return origin_of(
        model=loaded.fingerprint,
        data=prepared.train.fingerprint,
        heldout=None if prepared.measured_on.startswith("training") else prepared.heldout.fingerprint,
        modality=prepared.modality,
        objective=prepared.objective,
        recipe=recipe,
        judge=None if judged_by is None else fingerprint(judged_by),
        code_of_the_judge=code_of(prepared.judge, "judge", recipe.judge.get("path")),
        code_of_the_pairing=code_of(prepared.pairing, "pairing"),
    )


def build_collector(
    recipe: OnlineRecipe,
    prepared: Prepared,
    scorer: Scorer,
    files: RoundFiles,
    advance: Callable[[int], None],
    reference: UpdatedReference,
) -> Collector:
    """Build the collector of each round's examples.

    Args:
        recipe: the recipe.
        prepared: engine, judge, pairing and prompts.
        scorer: the policy.
        files: store the samples of each round.
        advance: called after each call of the engine.
        reference: finds the checkpoints that an opponent samples from.
    """
    wanted = prepared.objective.requirements
    sampler = Sampler(
        prepared.engine,
        prepared.judge,
        compares=prepared.pairing.compares or any(name in wanted.fields for name in prepared.pairing.compared),
        unfinished_penalty=recipe.unfinished_penalty,
        overlong_buffer=recipe.overlong_buffer,
        asking=prepared.asking,
        opponent=prepared.opponent,
        models=lambda name: reference.checkpoint(name).frozen,
        policy=scorer.model,
        pairing=prepared.pairing,
    )
    return Collector(recipe, prepared.train.records, sampler, scorer, prepared.pairing, wanted, files, advance)


def measure_heldout(recipe: OnlineRecipe, prepared: Prepared) -> Measured | None:
    """Measure the policy on held-out prompts; None without a judge.

    Args:
        recipe: how to sample.
        prepared: engine, judge and prompts.

    Raises:
        DataError: the judge scores no response.
    """
    if prepared.judge is None:
        return None
    sampling = Sampling(recipe.eval_samples, recipe.max_new_tokens, recipe.eval_temperature)
    records = prepared.heldout.records
    found = measure(prepared.measured_by, prepared.judge, records, sampling, seed=recipe.seed + 1)
    if found is None:
        raise DataError("No response to a held-out prompt could be scored.", fix="Check the judge.")
    return found
