"""`Session`: the stages of a run (check, load, measure, train, measure again, save)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from transformers import set_seed

from penchant.diagnostics.alarms import Alarms
from penchant.evaluation.heldout import HeldOut
from penchant.evaluation.samples import sample_prompts
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Scorer
from penchant.training.assembly import named_reference, prepared_reference, run_arguments
from penchant.training.checkpoints import find_checkpoint, output_errors, step_of
from penchant.training.folder import RunFolder
from penchant.training.interrupt import Interrupt, Interrupted
from penchant.training.outcome import Result, summarise, write_result
from penchant.training.preparation import Given, Prepared, prepare, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe
from penchant.training.recorder import Recorder
from penchant.training.trainer import PreferenceTrainer

__all__ = ["Session"]


@dataclass
class Measurement:
    """Held-out figures and samples of the policy at one point in training."""

    heldout: HeldOut
    samples: Any


class Session:
    """One run in progress.

    Args:
        recipe: the recipe.
        given: objects in memory.
        folder: the run's folder, already claimed.
        reporter: shows progress.
        warnings: warnings so far, for the summary; the list grows during the run.
        first: whether this process writes the files.
    """

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
        """Run all stages.

        Args:
            resume: continue from the last usable checkpoint.
            started: when the run began (``time.perf_counter``).
        """
        prepared = prepare(self.recipe, self.given, self.reporter, check=self.first)
        set_seed(self.recipe.seed)
        args = run_arguments(self.recipe, prepared, self.folder)
        other = named_reference(self.recipe, self.given.reference, prepared, args.device, self.reporter)
        policy = prepared.modality.load(args.device)
        scorer = prepared.modality.scorer(policy)
        try:
            origin = {"model": fingerprint(scorer.core), "data": prepared.train.fingerprint}
            origin |= {} if other is None else {"reference": other.printed}
            self._begin(prepared, origin, resume)
            reference = other or prepared_reference(self.recipe, scorer, prepared, self.reporter)
            recorder = self._recorder(prepared)
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
            before, after = self._measured_around(trainer, recorder, prepared, resume)
            facts = self._facts(prepared, policy, (before, after), started, scorer, reference, origin["model"])
            reference.close()
        finally:
            scorer.close()
        return self._finish(policy, prepared, facts, before, after)

    def _begin(self, prepared: Prepared, origin: dict[str, str], resume: bool) -> None:
        if not self.first:
            return
        # An earlier run stays untouched until data and model have been checked.
        self.folder.begin(resolved(self.recipe, prepared.objective), origin, resume=resume)
        if prepared.diagnosis is not None:
            self.folder.write_json("doctor.json", prepared.diagnosis.as_dict())

    def _recorder(self, prepared: Prepared) -> Recorder:
        epochs = prepared.plan.epochs
        return Recorder(
            self.folder.path / "metrics.jsonl" if self.first else None,
            lambda step: epochs[step - 1] if step else 0.0,
            (partial(self.reporter.step, total=len(prepared.plan)), self.alarms.watch),
        )

    def _measured_around(
        self, trainer: PreferenceTrainer, recorder: Recorder, prepared: Prepared, resume: bool
    ) -> tuple[Measurement, Measurement]:
        """Measure, train, and measure again."""
        checkpoint = self._checkpoint(len(prepared.plan)) if resume else None
        before = self._measure(trainer, prepared)
        self._train(trainer, recorder, prepared, checkpoint)
        step, steps = trainer.state.global_step, len(prepared.plan)
        if step < steps:
            raise Interrupted(
                f"Stopped at step {step} of {steps}; a checkpoint was saved. To continue, run the same command with "
                f"--resume (folder {self.folder.path})."
            )
        return before, self._measure(trainer, prepared, recorder)

    def _checkpoint(self, steps: int) -> Path | None:
        found = find_checkpoint(self.folder.checkpoints)
        if found is None:
            self.reporter.say("There is no checkpoint to continue from; starting from the beginning")
        elif step_of(found) >= steps:
            self.reporter.say(f"All {steps} steps are already done; measuring and writing the results again")
        else:
            self.reporter.say(f"Continuing from {found.name}")
        return found

    def _measure(self, trainer: PreferenceTrainer, prepared: Prepared, recorder: Recorder | None = None) -> Measurement:
        """Figures and samples of the current policy; a recorder also writes the figures."""
        self.reporter.say(f"Measuring on {prepared.measured_on}")
        step = trainer.state.global_step
        heldout = trainer.measure_heldout()
        if recorder is not None:
            recorder.write_once(step, "eval", heldout.metrics)
        prompts = sample_prompts(prepared.sampled, self.recipe.samples) if self.first else []
        samples = prepared.modality.sample(trainer.scorer, prompts)
        self.alarms.watch_samples(step, samples.mean_length)
        heldout.metrics |= samples.metrics
        return Measurement(heldout, samples)

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
            with output_errors(self.folder.path):
                trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    def _facts(
        self,
        prepared: Prepared,
        policy: nn.Module,
        measured: tuple[Measurement, Measurement],
        started: float,
        scorer: Scorer[Any],
        reference: Reference[Any, Any],
        model_fingerprint: str,
    ) -> dict[str, Any]:
        before, after = measured
        return summarise(
            self.recipe,
            prepared,
            policy,
            before=before.heldout,
            after=after.heldout,
            seconds=time.perf_counter() - started,
            reference=reference.kind,
            likelihood=scorer.facts() | reference.facts(),
            model_fingerprint=model_fingerprint,
            warnings=self.warnings,
        )

    def _finish(
        self, policy: nn.Module, prepared: Prepared, facts: dict[str, Any], before: Measurement, after: Measurement
    ) -> Result:
        model: Any = policy.eval()
        if self.first:
            prompts = sample_prompts(prepared.sampled, self.recipe.samples)
            with output_errors(self.folder.path):
                samples = prepared.modality.shown(self.folder.path, prompts, before.samples, after.samples)
                model = write_result(self.folder, policy, prepared, facts, (before.heldout, after.heldout), samples)
        report = self.folder.path / "report.html"
        return Result(model, prepared.modality.tokenizer, self.folder.path, facts, report)
