"""`Session`: the stages of a run (check, load, measure, train, measure again, save)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainingArguments, set_seed

from penchant.diagnostics.alarms import Alarms
from penchant.evaluation.heldout import HeldOut
from penchant.evaluation.samples import sample_prompts
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.reward_folder import start_from
from penchant.likelihood.scorer import Scorer
from penchant.training.assembly import named_reference, prepared_reference, run_arguments
from penchant.training.checkpoint_notes import Notes
from penchant.training.checkpoints import (
    delete_incomplete,
    delete_old,
    find_checkpoint,
    output_errors,
    refuse_nothing_kept,
    refuse_weights_alone,
    step_of,
)
from penchant.training.devices.agreement import agreed, other_process_errors
from penchant.training.devices.placement import Placement
from penchant.training.devices.processes import Processes
from penchant.training.folder import RunFolder
from penchant.training.following.best import BestKeeper, history_of
from penchant.training.following.hub import publish
from penchant.training.following.listening import FunctionCallback, as_callbacks
from penchant.training.following.live import LiveReport
from penchant.training.following.loggers import build_loggers, open_loggers
from penchant.training.following.settling import settle
from penchant.training.following.watching import measured_every, saves, watch_of
from penchant.training.following.wins import sampled_wins
from penchant.training.identity.kept_code import read_code, write_code
from penchant.training.identity.origin import origin_of
from penchant.training.interrupt import Interrupt, Interrupted
from penchant.training.loadable import Loadable
from penchant.training.outcome import Result, facts_at_start, summarise, write_result
from penchant.training.parameters.applying import check_strategy, settle_strategy, strategy_facts
from penchant.training.parameters.rates import rates_of
from penchant.training.parameters.strategy import Strategy, build_strategy
from penchant.training.preflight import rehearse
from penchant.training.preparation import Given, Prepared, prepare, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe
from penchant.training.recorder import Recorder, rows_of
from penchant.training.trainer import PreferenceTrainer
from penchant.training.wording import count_of

log = logging.getLogger("penchant")

__all__ = ["Session"]

# Examples that are measured to know which metrics there are.
FEW = 2


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
        processes: the run's processes; the first one writes the files.
        placement: how they hold the policy.
    """

    def __init__(
        self,
        recipe: Recipe,
        given: Given,
        folder: RunFolder,
        reporter: ProgressReporter,
        warnings: list[str],
        processes: Processes,
        placement: Placement,
    ) -> None:
        self.recipe, self.given, self.folder = recipe, given, folder
        self.reporter, self.warnings = reporter, warnings
        self.processes, self.placement, self.first = processes, placement, processes.first
        self.alarms = Alarms(logging.getLogger("penchant").warning)
        self.notes = Notes(warnings=warnings, alarms=self.alarms)

    def run(self, resume: bool, started: float) -> Result:
        """Run all stages.

        Args:
            resume: continue from the last usable checkpoint.
            started: when the run began (``time.perf_counter``).
        """
        prepared = prepare(self.recipe, self.given, self.reporter, check=self.first)
        set_seed(self.recipe.seed)
        args = run_arguments(self.recipe, prepared, self.folder, self.processes)
        judged = sampled_wins(self.recipe, prepared, args.device)
        other = named_reference(self.recipe, self.given.reference, prepared, args.device, self.reporter)
        if self.given.model is None and start_from(prepared.objective, self.recipe.model):
            self.reporter.say(f"The trained parts of {prepared.objective.id} in {self.recipe.model} are trained on.")
        policy = self.placement.load(prepared.modality, args.device)
        if self.first:
            rehearse(self.recipe, prepared, policy, self.folder)
        scorer = prepared.modality.scorer(policy)
        try:
            origin = origin_of(
                model=fingerprint(scorer.core),
                data=prepared.train.fingerprint,
                heldout=prepared.heldout.fingerprint if prepared.held_out else None,
                modality=prepared.modality,
                objective=prepared.objective,
                recipe=self.recipe,
                reference=None if other is None else other.printed,
            )
            self._begin(prepared, origin, resume)
            loggers = build_loggers(self.recipe.report_to)
            open_loggers(loggers, args, self.folder.path, policy, self.first)
            strategy = build_strategy(self.recipe.parameters)
            if strategy is not None and strategy.undoes and hasattr(scorer, "switched_off"):
                scorer.switched_off = strategy.switched_off
            reference = other or prepared_reference(self.recipe, scorer, prepared, self.reporter, self.processes.count)
            trainer = self._trainer(prepared, args, scorer, reference, strategy, loggers)
            if judged is not None:
                judged.begin(scorer, reference, self.first or self.placement.collective)
                trainer.sampled_metrics = judged.metrics
            before, after = self._measured_around(trainer, prepared, resume)
            facts = self._facts(prepared, policy, (before, after), started, scorer, reference, origin["model"])
            facts |= self.keeper.facts(len(prepared.plan)) | strategy_facts(trainer, self.folder.path) | self.settled
            reference.close()
        finally:
            scorer.close()
        return self._finish(policy, prepared, facts, before, after)

    def _begin(self, prepared: Prepared, origin: dict[str, str], resume: bool) -> None:
        if not self.first:
            return
        # An earlier run stays untouched until data and model have been checked.
        code = read_code(self.recipe.model_dump())
        self.folder.begin(resolved(self.recipe, prepared.objective), origin, resume=resume)
        write_code(self.folder.path, code)
        self.notes.about = self.folder.about
        if prepared.diagnosis is not None:
            self.folder.write_json("doctor.json", prepared.diagnosis.as_dict())

    def _trainer(
        self,
        prepared: Prepared,
        args: TrainingArguments,
        scorer: Scorer[Any],
        reference: Reference[Any, Any],
        strategy: Strategy | None,
        loggers: Sequence[TrainerCallback],
    ) -> PreferenceTrainer:
        given = as_callbacks(self.given.callbacks)
        self.recorder = self._recorder(prepared, given)
        known = facts_at_start(self.recipe, prepared)
        self.live = LiveReport(self.folder if self.first else None, len(prepared.plan), known)
        self.keeper = BestKeeper(self.folder.path / "best", watch_of(self.recipe), self.folder.checkpoints)
        trainer = PreferenceTrainer(
            scorer=scorer,
            reference=reference,
            objective=prepared.objective,
            examples=prepared.examples.examples,
            plan=prepared.plan,
            args=args,
            eval_examples=prepared.heldout_examples.examples,
            callbacks=[self.recorder, self.live, *loggers, *given],
            notes=self.notes,
            strategy=strategy,
            rates=rates_of(self.recipe),
        )
        self.keeper.follow(trainer)
        if self.recipe.checkpoints == "weights":
            trainer.add_callback(Loadable(prepared.modality, scorer.model))
        return trainer

    def _recorder(self, prepared: Prepared, given: Sequence[TrainerCallback]) -> Recorder:
        epochs = prepared.plan.epochs
        functions = [each.hear for each in given if isinstance(each, FunctionCallback)]
        return Recorder(
            self.folder.path / "metrics.jsonl" if self.first else None,
            lambda step: epochs[step - 1] if step else 0.0,
            (partial(self.reporter.step, total=len(prepared.plan)), self.alarms.watch, *functions),
        )

    def _measured_around(
        self, trainer: PreferenceTrainer, prepared: Prepared, resume: bool
    ) -> tuple[Measurement, Measurement]:
        """Measure, train, and measure again."""
        checkpoint = self._checkpoint(len(prepared.plan)) if resume else None
        check_strategy(trainer, self.recipe)
        if self.keeper.watch is not None:
            # A mistyped name need not wait until everything is measured.
            self.keeper.check(trainer.measure_heldout(prepared.heldout_supply.first(FEW)).metrics, few=True)
        before = self._measure(trainer, prepared, 0)
        self.keeper.check(before.heldout.metrics)
        if self.keeper.watch is not None:
            self._say_how_it_follows(prepared)
        settle_strategy(trainer, self.recipe, checkpoint, self.folder.path, self.reporter.say)
        try:
            self.live.begin(0 if checkpoint is None else step_of(checkpoint), before.heldout.metrics)
            self._train(trainer, prepared, checkpoint)
        except BaseException:
            self.live.stopped()
            raise
        step = self.keeper.restore()
        if step is not None:
            self.reporter.say(f"Step {step} has the best held-out {self.recipe.metric or 'loss'}; its weights are kept")
        self.settled = settle(trainer, self.reporter.say)
        after = self._measure(trainer, prepared, step or trainer.state.global_step)
        self.recorder.write_once(step or trainer.state.global_step, "eval", after.heldout.metrics)
        return before, after

    def _say_how_it_follows(self, prepared: Prepared) -> None:
        if self.recipe.eval_every is None:
            every = count_of(measured_every(self.recipe, len(prepared.plan)) or 0, "step")
            self.reporter.say(f"Measuring every {every} (eval_every), to follow {self.recipe.metric or 'loss'}")
        if not prepared.held_out:
            # Through the log, so that it stands in the report too.
            log.warning("Nothing is held out, so %s is followed on training data.", self.recipe.metric or "loss")

    def _checkpoint(self, steps: int) -> Path | None:
        found = self._usable() if self.first else None
        if self.first:
            delete_incomplete(self.folder.checkpoints)
            if found is not None and self.recipe.keep_checkpoints:
                delete_old(self.folder.checkpoints, self.recipe.keep_checkpoints, step_of(found))
        found = agreed(found)
        if found is None:
            if not saves(self.recipe):
                refuse_nothing_kept(self.folder.path)
            self.reporter.say("There is no checkpoint to continue from; starting from the beginning")
            return None
        refuse_weights_alone(found)
        if step_of(found) >= steps or self.keeper.ended_early(found):
            done = count_of(step_of(found), "step")
            self.reporter.say(f"All {done} are already done; measuring and writing the results again")
        else:
            self.reporter.say(f"Continuing from {found.name}")
        return found

    def _usable(self) -> Path | None:
        return find_checkpoint(self.folder.checkpoints, self.notes.about, self.keeper.lacks)

    def _measure(self, trainer: PreferenceTrainer, prepared: Prepared, step: int) -> Measurement:
        """Figures and samples of the current policy."""
        self.reporter.say(f"Measuring on {prepared.measured_on}")
        heldout = trainer.measure_heldout()
        # The processes hold parts of one model, or each a whole one.
        samples_here = self.first or self.placement.collective
        prompts = sample_prompts(prepared.sampled, self._samples_of(prepared)) if samples_here else []
        samples = prepared.modality.sample(trainer.scorer, prompts)
        self.alarms.watch_samples(step, samples.mean_length)
        heldout.metrics |= samples.metrics
        return Measurement(heldout, samples)

    def _samples_of(self, prepared: Prepared) -> int:
        """The number of prompts that are answered; a reward model answers none."""
        return self.recipe.samples if prepared.objective.requirements.needs.scores else 0

    def _train(self, trainer: PreferenceTrainer, prepared: Prepared, checkpoint: Path | None) -> None:
        """Run the steps.

        Raises:
            Interrupted: a signal ended them.
        """
        done = 0 if checkpoint is None else step_of(checkpoint)
        if checkpoint is None:
            self.recorder.rewind(-1)
        else:
            self.notes.read(checkpoint)
            self.recorder.rewind(done, rows_of(history_of(checkpoint)))
        if checkpoint is not None and self.keeper.ended_early(checkpoint):
            trainer.restore(checkpoint)
            return
        steps = len(prepared.plan)
        counts = f"{count_of(len(prepared.examples), 'example')}, {count_of(steps, 'step')}"
        self.reporter.say(f"Training with {prepared.objective!r}: {counts}")
        with Interrupt() as interrupt, self.reporter.bar("Training", steps, done):
            trainer.add_callback(interrupt)
            trainer.mark = self.recorder.began = time.perf_counter()
            with output_errors(self.folder.path), other_process_errors(self.processes.count):
                trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        step = trainer.state.global_step
        if interrupt.asked and step < steps:
            saved = "a checkpoint was saved. To continue, run the same command with --resume"
            none = "nothing was saved, since the recipe keeps no checkpoints"
            kept = saved if trainer.saves else none
            raise Interrupted(f"Stopped at step {step} of {steps}; {kept} (folder {self.folder.path}).")

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
            processes=self.processes.facts(),
        )

    def _finish(
        self, policy: nn.Module, prepared: Prepared, facts: dict[str, Any], before: Measurement, after: Measurement
    ) -> Result:
        with self.placement.whole(policy.eval()) as model:
            if self.first:
                prompts = sample_prompts(prepared.sampled, self._samples_of(prepared))
                with output_errors(self.folder.path):
                    samples = prepared.modality.shown(self.folder.path, prompts, before.samples, after.samples)
                    model = write_result(self.folder, model, prepared, facts, (before.heldout, after.heldout), samples)
                self.live.done()
                publish(self.recipe, self.folder)
                if not saves(self.recipe):
                    self.folder.checkpoints.rmdir()  # the trainer makes it in any case
        # Whoever ends first would make the launcher end the process that still writes.
        agreed(None)
        report = self.folder.path / "report.html"
        return Result(model, prepared.modality.tokenizer, self.folder.path, facts, report)
