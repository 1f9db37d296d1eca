"""The part of an online run before a model is loaded: objective, pairing, judge, engine and data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.reading import Ties
from penchant.feedback.records import Comparison, Demonstration, Record
from penchant.feedback.sources import Sources
from penchant.generation.engines import Engine
from penchant.generation.responses import Sampling
from penchant.modalities import Modality, find_modality
from penchant.named import build_named
from penchant.objectives.core.objective import Objective
from penchant.online.ahead import check_overlap
from penchant.online.asking import ASKING, Asking
from penchant.online.differences import check_differences
from penchant.online.opponents import OPPONENTS, Opponent
from penchant.online.pairing import Pairing
from penchant.online.phases import Phase, build_phases, check_temperatures
from penchant.online.process_rewards.process_reward import PROCESS_REWARDS, ProcessReward, check_process_reward
from penchant.online.recipe import OnlineRecipe
from penchant.online.reference_updates import ReferenceUpdate, build_reference_update
from penchant.online.roll_in import check_roll_in
from penchant.online.samplers.checks import check_sampler
from penchant.online.samplers.sampler import Means, Sampler
from penchant.rewards.judge import Judge
from penchant.rewards.registry import build_judge
from penchant.training.preparation import Given, read_data

__all__ = ["Prepared", "prepare"]


@dataclass
class Prepared:
    """The result of `prepare`.

    Args:
        objective: the objective.
        pairing: selects the responses of its examples.
        judge: scores responses, or None.
        measuring: scores held-out responses, or None.
        update: changes the reference between rounds; it starts with the policy.
        asking: what the policy reads when it samples.
        opponent: who else answers.
        sampler: how the policy's responses come about.
        modality: what the responses are made of.
        engine: generates responses in the rounds, and ``measured_by`` in measurements; both
            receive the policy through ``use``.
        train: the prompts; ``heldout`` the held-out prompts (or some of the training prompts).
        measured_on: description of the prompts that are measured on.
        phases: the kinds of rounds that take turns, of which the first is described above.
        process: rewards steps, and learns to; or does nothing.
    """

    objective: Objective
    pairing: Pairing
    judge: Judge | None
    measuring: Judge | None
    update: ReferenceUpdate
    asking: Asking
    opponent: Opponent
    sampler: Sampler
    modality: Modality
    engine: Engine
    measured_by: Engine
    train: Feedback
    heldout: Feedback
    measured_on: str
    phases: tuple[Phase, ...]
    process: ProcessReward

    @property
    def held_out(self) -> bool:
        """Whether the prompts that are measured on are apart from those that are trained on."""
        return not self.measured_on.startswith("training")

    def of(self, phase: Phase) -> Prepared:
        """The same for another kind of round.

        Args:
            phase: one of ``phases``.
        """
        return replace(self, objective=phase.objective, pairing=phase.pairing, sampler=phase.sampler)


def prepare(recipe: OnlineRecipe, given: Given) -> Prepared:
    """Read and check everything in the recipe except the model.

    Args:
        recipe: the recipe.
        given: objects in memory.

    Raises:
        PenchantError: settings contradict each other, or the data do not fit the settings.
    """
    phases = build_phases(recipe, given.objective)
    update = build_reference_update(recipe.reference, recipe.reference_rate)
    asking = _asking(recipe)
    opponent = build_named(OPPONENTS, recipe.opponent, "opponent")
    _check_phases(phases, update)
    process = build_named(PROCESS_REWARDS, recipe.process_reward, "process_reward")
    check_process_reward(process, phases)
    parts: list[Pairing | Opponent] = [*(each.pairing for each in phases), opponent]
    # A tie has a prompt like any other record, and no response to imitate.
    ties: Ties = "leave_out" if any(each.demonstrated for each in parts) else "keep"
    train, heldout, measured_on = read_data(recipe, given, ties)
    for record in train if asking.shows_more else ():
        asking.question(record)
    shown, kept = ([phases[0].sampler.as_judged(each) for each in part.records] for part in (train, heldout))
    judge = build_judge(recipe.judge, [*shown, *kept])
    for part in parts:
        if part.demonstrated:
            _check_demonstrations(train, part)
    modality = find_modality(recipe.modality, recipe.model, given.model)(recipe, given.model, given.tokenizer)
    _check_length(modality, recipe)
    engine = modality.engine(recipe.engine, recipe.max_new_tokens)
    engine.read([*shown, *kept])
    check_temperatures(phases, engine)
    check_overlap(phases[0].recipe, phases[0].objective.requirements, engine, judge, opponent, phases[0].sampler)
    if recipe.roll_in:
        check_roll_in(engine, train.records)
    means = Means(engine, judge, asking, traced=recipe.staleness != "refuse")
    for each in phases:
        each.sampler.check(means, [*train.records, *heldout.records])
    train, heldout = (_renderable(each, engine, recipe.on_bad) for each in (train, heldout))
    measured_by = engine if engine.follows_policy else modality.engine({}, recipe.max_new_tokens)
    prepared = Prepared(
        phases[0].objective,
        phases[0].pairing,
        judge,
        _measuring(recipe, judge, kept),
        update,
        asking,
        opponent,
        phases[0].sampler,
        modality,
        engine,
        measured_by,
        train,
        heldout,
        measured_on,
        phases,
        process,
    )
    return _check_sampling(prepared, recipe)


def _check_sampling(prepared: Prepared, recipe: OnlineRecipe) -> Prepared:
    """Refuse what the engines could not answer, before a model is loaded."""
    most = max(each.recipe.samples_per_prompt for each in prepared.phases)
    asked = [prepared.asking.question(each) for each in prepared.train]
    prepared.engine.check(asked, Sampling(most, recipe.max_new_tokens))
    heldout = [each.prompt for each in prepared.heldout]
    prepared.measured_by.check(heldout, Sampling(recipe.eval_samples, recipe.max_new_tokens))
    return prepared


def _measuring(recipe: OnlineRecipe, judge: Judge | None, records: Sequence[Record]) -> Judge | None:
    """The judge of held-out responses: that of the rounds, unless the recipe names another one."""
    if recipe.eval is None:
        return None if judge is None else judge.measuring
    found = build_judge(recipe.eval.judge, records)
    if found is None or not found.gives_scores:
        raise ConfigurationError(
            f"The judge {recipe.eval.judge['name']!r} scores no response by itself.",
            where="eval.judge",
            fix="Name one that gives scores, such as a verifier.",
        )
    return found


def _asking(recipe: OnlineRecipe) -> Asking:
    """What the policy reads, which suits roll-ins."""
    asking = build_named(ASKING, recipe.asking, "asking")
    if recipe.roll_in and asking.shows_more:
        raise ConfigurationError(
            f"Samples that begin with a given response answer its prompt, not what asking={asking.id} asks.",
            where="roll_in",
            fix="Remove roll_in, or give asking=prompt.",
        )
    return asking


def _check_phases(phases: Sequence[Phase], update: ReferenceUpdate) -> None:
    """Refuse kinds of rounds whose choices do not go together."""
    for each in phases:
        if update.looks_back and each.objective.requirements.needs.reference:
            check_differences(each.objective, update.id)
        check_sampler(each.sampler, each.pairing, each.recipe, each.objective.requirements)


def _renderable(feedback: Feedback, engine: Engine, on_bad: str) -> Feedback:
    """The prompts that can be rendered; the others are an error, or are left out and counted."""
    kept: list[Record] = []
    refused: list[DataError] = []
    for record in feedback:
        try:
            engine.renderer.check(record)
            engine.prompt_ids(record.prompt)
        except DataError as error:
            refused.append(DataError(error.what, where=str(record.source), why=error.why, fix=error.fix))
        else:
            kept.append(record)
    if not refused:
        return feedback
    if on_bad != "skip" or not kept or isinstance(feedback, Sources):
        raise refused[0]
    logging.getLogger("penchant").warning(
        "%d records of %s cannot be used and were skipped; the first: %s", len(refused), feedback.name, refused[0]
    )
    return Feedback(kept, kind=feedback.kind, name=feedback.name, bad=[*feedback.bad, *refused])


def _check_demonstrations(train: Feedback, part: Pairing | Opponent) -> None:
    lacking = next((each for each in train if not isinstance(each, Demonstration | Comparison)), None)
    if lacking is not None:
        raise DataError(
            f"The {part.kind} {part.id!r} needs a demonstration for each prompt, but this record is a {lacking.kind}.",
            where=str(lacking.source),
            fix="Give demonstrations: prompt and completion.",
        )


def _check_length(modality: Modality, recipe: OnlineRecipe) -> None:
    limit = modality.max_length
    if limit is not None and limit <= recipe.max_new_tokens:
        raise ConfigurationError(
            f"'max_new_tokens' is {recipe.max_new_tokens}, but the whole sequence may have only {limit} tokens.",
            fix="Choose a smaller number, to leave room for the prompt.",
        )
