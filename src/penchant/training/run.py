"""One run from recipe to report."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainingArguments, set_seed

from penchant.checks.diagnosis import joined
from penchant.diagnostics.alarms import Alarms
from penchant.evaluation.heldout import HeldOut, measured_needs, measuring_plan
from penchant.evaluation.samples import sample_prompts
from penchant.feedback.sources import parts_of
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.references import Reference
from penchant.likelihood.scorer import Scorer
from penchant.training.arguments import micro_batches, training_arguments
from penchant.training.card import model_card
from penchant.training.checkpoints import find_checkpoint, step_of, told_if_unwritable
from penchant.training.folder import RunFolder
from penchant.training.interrupt import Interrupt
from penchant.training.outcome import summarise, write_numbers
from penchant.training.preparation import Given, Prepared, build_objective, prepare, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe, data_paths
from penchant.training.recorder import Recorder
from penchant.training.trainer import PreferenceTrainer
from penchant.training.voices import own_bars_only, warnings_to

__all__ = ["Interrupted", "Result", "run"]

# The doctor looks at this many records during a run; `penchant data check` looks at all.
DOCTOR_LIMIT = 5000


class Interrupted(KeyboardInterrupt):
    """A run was stopped by a person; the message says how to go on."""


@dataclass
class Result:
    """What a run gives back.

    Args:
        model: the trained model, in memory.
        tokenizer: its tokenizer.
        folder: the run's folder, with the saved model in ``model/``.
        summary: the numbers of ``summary.json``.
        report: the HTML report.
    """

    model: Any
    tokenizer: Any
    folder: Path
    summary: dict[str, Any] = field(repr=False)
    report: Path


def run(
    recipe: Recipe,
    given: Given,
    *,
    resume: bool = False,
    overwrite: bool = False,
    reporter: ProgressReporter | None = None,
) -> Result:
    """Train as a recipe says.

    Args:
        recipe: the recipe.
        given: objects in memory that stand in for names in the recipe.
        resume: go on from the last sound checkpoint in the output folder.
        overwrite: delete the run that is in the output folder.
        reporter: tells a person what happens.

    Raises:
        PenchantError: anything that is wrong, before work is lost to it.
        Interrupted: a person stopped the run; a checkpoint was saved.
    """
    first = int(os.environ.get("RANK", "0")) == 0
    reporter = reporter or ProgressReporter()
    if not first:
        reporter = ProgressReporter(quiet=True)
    started = time.perf_counter()
    folder = RunFolder(recipe.output)
    if given.objective is None:
        given.objective = build_objective(recipe)
    if first:
        inputs = [recipe.model, *data_paths(recipe.data), *data_paths(recipe.eval_data)]
        folder.claim(resume=resume, overwrite=overwrite, inputs=inputs)
        if resume:
            folder.check_same(resolved(recipe, given.objective))
    with warnings_to(reporter) as warnings, own_bars_only():
        session = _Session(recipe, given, folder, reporter, warnings, first)
        return session.run(resume, started)


class _Session:
    """The parts of a run while it goes on."""

    def __init__(
        self,
        recipe: Recipe,
        given: Given,
        folder: RunFolder,
        reporter: ProgressReporter,
        warnings: list[str],
        first: bool,
    ) -> None:
        self.recipe, self.given, self.folder = recipe, given, folder
        self.reporter, self.warnings, self.first = reporter, warnings, first
        self.alarms = Alarms(logging.getLogger("penchant").warning)

    def run(self, resume: bool, started: float) -> Result:
        recipe, reporter = self.recipe, self.reporter
        prepared = prepare(recipe, self.given, reporter)
        set_seed(recipe.seed)
        args = self._arguments(prepared)
        policy = prepared.modality.load(args.device)
        scorer = prepared.modality.scorer(policy)
        try:
            model_print = fingerprint(scorer.core)
            if self.first:
                # Nothing of a former run is touched until data and model have been found good.
                origin = {"model": model_print, "data": prepared.train.fingerprint}
                self.folder.begin(resolved(recipe, prepared.objective), origin, resume=resume)
            reference = self._reference(scorer, prepared)
            trainer, recorder = self._trainer(scorer, reference, prepared, args)
            checkpoint = self._checkpoint(len(prepared.plan)) if resume else None
            prompts = sample_prompts(prepared.heldout, recipe.samples)
            before, old = self._before(trainer, scorer, prepared, prompts)
            self._examine(prepared)
            self._train(trainer, recorder, prepared, checkpoint)
            if trainer.state.global_step < len(prepared.plan):
                self._stopped(trainer, prepared)
            reporter.say(f"Measuring on {prepared.measured_on}")
            after = trainer.measure_heldout()
            recorder.write_once(trainer.state.global_step, "eval", after.metrics)
            new = self._samples(scorer, prepared, prompts)
            self.alarms.watch_samples(trainer.state.global_step, new.mean_length)
            after.metrics |= new.metrics
            facts = summarise(
                recipe,
                prepared,
                policy,
                before=before,
                after=after,
                seconds=time.perf_counter() - started,
                reference=reference.kind,
                likelihood=scorer.facts() | reference.facts(),
                model_name=recipe.model,
                model_fingerprint=model_print,
                warnings=self.warnings,
            )
            reference.close()
        finally:
            scorer.close()
        return self._finish(policy, prepared, facts, (before, after), (prompts, old, new))

    def _arguments(self, prepared: Prepared) -> TrainingArguments:
        sizes = prepared.supply.largest_sizes(prepared.plan)
        world = int(os.environ.get("WORLD_SIZE", "1"))
        parts = micro_batches(self.recipe, prepared.plan, sizes, world, prepared.objective.batch_coupled)
        return training_arguments(self.recipe, len(prepared.plan), self.folder.checkpoints, parts)

    def _reference(self, scorer: Scorer, prepared: Prepared) -> Reference:
        needs = prepared.objective.requirements.needs
        kind = self.recipe.reference or ("initial" if needs.reference else "none")
        cache = Path(self.recipe.cache) if self.recipe.cache else None
        reference = scorer.reference(kind, cache, self.recipe.precision)
        if kind == "cached":
            measured = measured_needs(prepared.objective, kind)
            heldout = prepared.heldout_supply
            parts = (
                (prepared.supply.responses(prepared.plan), needs),
                (heldout.responses(measuring_plan(heldout, scorer.measured_at_once)), measured),
            )
            responses = [each for found, wanted in parts for name, each in found if wanted.reference_of(name)]
            with self.reporter.bar("Reference log-probabilities", len(responses)):
                reference.prepare(responses, lambda done, total: self.reporter.advance(done, total))
        return reference

    def _trainer(
        self, scorer: Scorer, reference: Reference, prepared: Prepared, args: TrainingArguments
    ) -> tuple[PreferenceTrainer, Recorder]:
        total = len(prepared.plan)
        epochs = prepared.plan.epochs
        recorder = Recorder(
            self.folder.path / "metrics.jsonl" if self.first else None,
            lambda step: epochs[step - 1] if step else 0.0,
            (partial(self.reporter.step, total=total), self.alarms.watch),
        )
        trainer = PreferenceTrainer(
            scorer=scorer,
            reference=reference,
            objective=prepared.objective,
            examples=prepared.examples.examples,
            plan=prepared.plan,
            args=args,
            eval_examples=prepared.heldout_examples.examples,
            callbacks=[recorder],
        )
        return trainer, recorder

    def _checkpoint(self, steps: int) -> Path | None:
        found = find_checkpoint(self.folder.checkpoints)
        if found is None:
            self.reporter.say("There is no checkpoint to go on from; starting at the beginning")
        elif step_of(found) >= steps:
            self.reporter.say(f"All {steps} steps are done already; measuring and writing the results again")
        else:
            self.reporter.say(f"Going on from {found.name}")
        return found

    def _before(
        self, trainer: PreferenceTrainer, scorer: Scorer, prepared: Prepared, prompts: list[Any]
    ) -> tuple[HeldOut, Any]:
        self.reporter.say(f"Measuring on {prepared.measured_on}")
        before = trainer.measure_heldout()
        samples = self._samples(scorer, prepared, prompts)
        self.alarms.watch_samples(0, samples.mean_length)
        before.metrics |= samples.metrics
        return before, samples

    def _samples(self, scorer: Scorer, prepared: Prepared, prompts: list[Any]) -> Any:
        return prepared.modality.sample(scorer, prompts if self.first else [])

    def _examine(self, prepared: Prepared) -> None:
        if not self.first:
            return
        held_out = parts_of(prepared.heldout) if prepared.held_out else {}
        found = {
            name: prepared.modality.examine(part, held_out.get(name))
            for name, part in parts_of(prepared.train[:DOCTOR_LIMIT]).items()
        }
        self.folder.write_json("doctor.json", joined(found).as_dict())

    def _train(
        self, trainer: PreferenceTrainer, recorder: Recorder, prepared: Prepared, checkpoint: Path | None
    ) -> None:
        done = 0 if checkpoint is None else step_of(checkpoint)
        recorder.rewind(done if checkpoint is not None else -1)
        examples, steps = len(prepared.examples), len(prepared.plan)
        self.reporter.say(f"Training with {prepared.objective!r}: {examples} examples, {steps} steps")
        with Interrupt() as interrupt, self.reporter.bar("Training", steps, done):
            trainer.add_callback(interrupt)
            trainer.mark = recorder.began = time.perf_counter()
            with told_if_unwritable(self.folder.path):
                trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    def _stopped(self, trainer: PreferenceTrainer, prepared: Prepared) -> None:
        raise Interrupted(
            f"Stopped at step {trainer.state.global_step} of {len(prepared.plan)}; a checkpoint was saved. Go on with "
            f"the same command and --resume (folder {self.folder.path})."
        )

    def _finish(
        self,
        policy: Any,
        prepared: Prepared,
        facts: dict[str, Any],
        measured: tuple[HeldOut, HeldOut],
        spoken: tuple[list[Any], Any, Any],
    ) -> Result:
        report = self.folder.path / "report.html"
        model = policy.eval()
        if self.first:
            with told_if_unwritable(self.folder.path):
                model = prepared.modality.save(policy, self.folder.model, self.folder.path / "adapter")
                write_numbers(self.folder, *measured, prepared.modality.shown(self.folder.path, *spoken))
                self.folder.write_json("summary.json", facts)
                recipe_yaml = (self.folder.path / "recipe.yaml").read_text(encoding="utf-8")
                card = model_card(facts, recipe_yaml, prepared.objective.paper, prepared.modality.card)
                self.folder.write_text("model/README.md", card)
                from penchant.evaluation.report import write_report  # matplotlib costs memory that training can use

                report = write_report(self.folder.path)
        return Result(model, prepared.modality.tokenizer, self.folder.path, facts, report)
