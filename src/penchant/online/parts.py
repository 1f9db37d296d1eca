"""The parts of an online run that need the model: policy, scorer, reference and collector."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from transformers import set_seed

from penchant.errors import ConfigurationError, DataError
from penchant.generation.responses import Sampling
from penchant.likelihood.adapters import save_adapter
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.core import has_adapter
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.references import Reference
from penchant.likelihood.references.second_adapter import SecondAdapter
from penchant.likelihood.scorer import Scorer
from penchant.online.collecting import Collector
from penchant.online.measuring import Measured, measure
from penchant.online.on_policy import likelihood_temperature
from penchant.online.preparation import Prepared
from penchant.online.recipe import OnlineRecipe
from penchant.online.reference import UpdatedReference
from penchant.online.reference_updates import Unchanged
from penchant.online.rollout_maker import RolloutMaker
from penchant.online.round_files import RoundFiles
from penchant.online.samplers.sampler import Means
from penchant.online.sharing import by_the_first, in_shares
from penchant.online.token_facts import REFERENCE
from penchant.rewards.judge import Judge
from penchant.training.arguments import training_arguments
from penchant.training.identity.origin import code_of, origin_of
from penchant.training.settings.adapter import NamedReference

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
    judges = [each for each in (prepared.judge, prepared.measuring) if each is not None]
    for each in judges:
        each.to(device)
    policy = prepared.modality.load(device)
    scorer = prepared.modality.scorer(policy)
    if isinstance(scorer, ForestScorer):
        scorer.temperature = likelihood_temperature(recipe, prepared.objective.requirements, prepared.engine)
    printed = fingerprint(scorer.core)
    prepared.update.begin(policy)
    needs, precision = prepared.objective.requirements.needs, prepared.modality.precision
    further = [each.objective.requirements.needs for each in prepared.phases]
    if needs.hidden or needs.ends:  # a critic answers before the first step
        prepared.objective.bind(scorer.hidden_size)
        prepared.objective.to(device)
    asked = any(each.reference for each in further) or recipe.reward_kl > 0 or REFERENCE in prepared.pairing.reads

    def copied() -> Reference[Any, Any]:
        if has_adapter(policy):
            assert isinstance(scorer, ForestScorer)
            return SecondAdapter(scorer)
        return scorer.reference("initial", precision=precision)

    samplers = [name for each in prepared.phases for name in each.sampler.checkpoints]
    sampled_from = (*prepared.opponent.checkpoints, *samplers)
    if recipe.teacher is not None:
        inner = _teacher(recipe, prepared, scorer, device)
    elif asked and (not isinstance(prepared.update, Unchanged) or "initial" in sampled_from):
        inner = copied()
    else:
        inner = scorer.reference("initial" if asked else "none", precision=precision)
    judged_by = [name for each in judges for name in each.checkpoints]
    wanted = [name for each in further for name in each.checkpoints]
    reference = UpdatedReference(inner, prepared.update, copied, {*wanted, *sampled_from, *judged_by})
    for each in judges:
        each.follow(scorer, reference, prepared.engine.renderer)
    prepared.engine.use(policy)
    prepared.measured_by.use(policy)
    prepared.process.begin(scorer, prepared.modality, policy)
    return Loaded(policy, scorer, reference, printed)


def _teacher(recipe: OnlineRecipe, prepared: Prepared, policy: Scorer, device: Any) -> Reference[Any, Any]:
    """The recipe's teacher as reference, at the policy's temperature."""
    found = prepared.modality.named_reference(NamedReference(model=str(recipe.teacher)), None, device)
    own = getattr(found, "scorer", None)
    if isinstance(own, ForestScorer) and isinstance(policy, ForestScorer):
        own.temperature = policy.temperature
    return found


def online_origin(recipe: OnlineRecipe, prepared: Prepared, loaded: Loaded) -> dict[str, str]:
    """Fingerprints of what the result of an online run depends on besides its recipe.

    Args:
        recipe: the recipe.
        prepared: data, judge and pairing.
        loaded: the policy before training.
    """
    held_out = None if recipe.eval is None else prepared.measuring
    judged_by = [fingerprint(each) for judge in (prepared.judge, held_out) for each in _networks(judge)]
    others = [each.sampler.other for each in prepared.phases]
    return origin_of(
        model=loaded.fingerprint,
        data=prepared.train.fingerprint,
        heldout=prepared.heldout.fingerprint if prepared.held_out else None,
        modality=prepared.modality,
        objective=prepared.objective,
        recipe=recipe,
        judge=" ".join(judged_by) or None,
        partner=" ".join(fingerprint(each) for each in others if each is not None) or None,
        reference=loaded.reference.inner.printed or None,
        code_of_the_judge=code_of(prepared.judge, "judge", recipe.judge.get("path")),
        code_of_the_pairing=code_of(prepared.pairing, "pairing"),
    )


def _networks(judge: Judge | None) -> Iterator[Any]:
    """The network of a judge, and those of its members."""
    if (own := getattr(judge, "network", None)) is not None:
        yield own
    for member in getattr(judge, "members", ()):
        yield from _networks(member)


def build_collector(
    recipe: OnlineRecipe, prepared: Prepared, loaded: Loaded, files: RoundFiles, advance: Callable[[int], None]
) -> Collector:
    """Build the collector of each round's examples.

    Args:
        recipe: the recipe.
        prepared: engine, judge, pairing and prompts.
        loaded: the policy and its reference.
        files: store the samples of each round.
        advance: called after each call of the engine.
    """
    wanted = prepared.objective.requirements
    maker = RolloutMaker(
        prepared.engine,
        prepared.judge,
        compares=prepared.pairing.comparing(wanted.fields, prepared.judge is None or prepared.judge.gives_scores),
        unfinished_penalty=recipe.unfinished_penalty,
        overlong_buffer=recipe.overlong_buffer,
        asking=prepared.asking,
        opponent=prepared.opponent,
        models=lambda name: loaded.reference.checkpoint(name).frozen,
        policy=loaded.scorer.model,
        pairing=prepared.pairing,
        roll_in=recipe.roll_in,
        sampler=prepared.sampler,
        sharing=by_the_first if _asked_once(prepared) else in_shares,
        scorer=loaded.scorer,
        reference=loaded.reference,
    )
    return Collector(
        recipe,
        prepared.train.records,
        maker,
        loaded.scorer,
        loaded.reference,
        prepared.pairing,
        wanted,
        files,
        advance,
        partial(_send, prepared, loaded, files.folder.path / "weights"),
        prepared.objective,
        prepared.process,
    )


def _asked_once(prepared: Prepared) -> bool:
    """Whether one process must sample and judge for all: a server answers each time anew, and some judges remember."""
    return not prepared.engine.follows_policy or (prepared.judge is not None and _remembers(prepared.judge))


def _remembers(judge: Judge) -> bool:
    return judge.remembers or any(map(_remembers, getattr(judge, "members", ())))


def _send(prepared: Prepared, loaded: Loaded, folder: Path, version: int) -> None:
    """Send the policy's weights to an engine that keeps its own."""
    if not prepared.engine.updated:
        return

    def save(place: Path, adapter: bool) -> None:
        place.mkdir(parents=True)
        if adapter and not has_adapter(loaded.policy):
            raise ConfigurationError(
                "The server takes an adapter, but the run trains whole weights.",
                where="engine.update",
                fix="Give lora, or update=vllm or sglang.",
            )
        assert isinstance(loaded.scorer, ForestScorer)
        loaded.scorer.close()
        try:
            twin = copy.deepcopy(loaded.policy)
        finally:
            loaded.scorer.open()
        if adapter:
            save_adapter(twin, place)
        else:
            prepared.modality.save(twin.eval(), place, place / "adapter")

    prepared.engine.receive(save, folder, version)


def measure_heldout(recipe: OnlineRecipe, prepared: Prepared, loaded: Loaded) -> Measured | None:
    """Measure the policy on held-out prompts; None without a judge of them.

    Args:
        recipe: how to sample.
        prepared: engine, judge and prompts.
        loaded: the policy.

    Raises:
        DataError: the judge scores no response.
    """
    if prepared.measuring is None:
        return None
    sampling = Sampling(recipe.eval_samples, recipe.max_new_tokens, recipe.eval_temperature, stop=tuple(recipe.stop))
    records = prepared.heldout.records
    means = Means(prepared.measured_by, prepared.measuring, policy=loaded.scorer.model)
    found = measure(prepared.sampler, means, records, sampling, seed=recipe.seed + 1)
    if found is None:
        raise DataError("No response to a held-out prompt could be scored.", fix="Check the judge.")
    return found
