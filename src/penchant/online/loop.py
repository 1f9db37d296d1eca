"""The loop of online training: sample, judge, pair, train, and repeat."""

from __future__ import annotations

import json
import logging
import time
from contextlib import nullcontext
from typing import Any

from penchant.errors import PenchantError, TrainingError
from penchant.online.collecting import teaches
from penchant.online.journal import Journal
from penchant.online.measuring import Measured
from penchant.online.outcome import finish
from penchant.online.parts import build_collector, load, measure_heldout, online_origin
from penchant.online.preparation import Prepared, prepare
from penchant.online.recipe import OnlineRecipe
from penchant.online.round_files import RoundFiles
from penchant.online.rounds import BEGINNING, Learner
from penchant.online.sharing import one_copy_each
from penchant.online.state import State, load_state, open_state, pack, save_state, unpack
from penchant.online.step_rules import STEP_RULES
from penchant.quiet import quiet_transformers
from penchant.training.assembly import computing
from penchant.training.checkpoint_notes import Notes
from penchant.training.checkpoints import find_checkpoint, step_of
from penchant.training.devices.agreement import agreed, anywhere, join_again, leave_in_order, other_process_errors
from penchant.training.devices.processes import Processes, find_processes, only_first_prints
from penchant.training.folder import RunFolder
from penchant.training.identity.kept_code import read_code, write_code
from penchant.training.interrupt import Interrupt
from penchant.training.log_routing import warnings_to
from penchant.training.preflight import check_start
from penchant.training.preparation import Given, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import data_paths
from penchant.training.run import Interrupted, Result

__all__ = ["run_online"]

log = logging.getLogger("penchant")

# Maximum checkpoints and measurements per run unless the recipe sets their frequency.
STATES, MEASUREMENTS = 10, 20

_LOOK = (
    "Look at the samples in rounds/: the task may be too easy or too hard, or the judge may not tell responses apart. "
    "A higher temperature, more samples or resample help where some groups differ."
)


def run_online(
    recipe: OnlineRecipe,
    given: Given | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    reporter: ProgressReporter | None = None,
) -> Result:
    """Run an online recipe.

    Every round draws prompts, samples responses from the policy, judges them, builds training examples from them and
    trains on these with the trainer of offline runs. All random choices depend only on the seed and the number of the
    round, and samples are stored on disk, so an interrupted run resumes with the same results.

    Args:
        recipe: the recipe.
        given: objects in memory that replace names in the recipe.
        resume: continue the run in the output folder.
        overwrite: delete the run in the output folder.
        reporter: shows progress; default: no progress.

    Returns:
        The trained model, its tokenizer, the run's folder, summary and report.

    Raises:
        PenchantError: recipe, data or model cannot be used; raised as early as possible.
        Interrupted: a signal stopped the run; it can be resumed.
    """
    processes = one_copy_each(find_processes(recipe.strategy, recipe.processes))
    if reporter is None or not processes.first:
        reporter = ProgressReporter(quiet=True)
    began, folder = time.perf_counter(), RunFolder(recipe.output)
    if processes.count > 1:
        join_again(recipe.device)
        leave_in_order()
    check_start(recipe)
    inputs = [recipe.model, *data_paths(recipe.data), *data_paths(recipe.eval_data)]
    with only_first_prints(processes), folder.freed_on_failure() if processes.first else nullcontext():
        prepared = prepare(recipe, given or Given())
        if processes.first:
            folder.claim(resume=resume, overwrite=overwrite, inputs=inputs)
            if resume:
                folder.check_same(resolved(recipe, prepared.objective))
        return _run(recipe, prepared, folder, reporter, processes, resume, began)


def _run(
    recipe: OnlineRecipe,
    prepared: Prepared,
    folder: RunFolder,
    reporter: ProgressReporter,
    processes: Processes,
    resume: bool,
    began: float,
) -> Result:
    with warnings_to(reporter) as warnings, quiet_transformers(), Interrupt() as interrupt:
        for warning in processes.warnings:
            log.warning(warning)
        if processes.count > 1:
            reporter.say(f"Running in {processes}")
        run = OnlineRun(recipe, prepared, folder, reporter, interrupt, warnings, processes)
        try:
            with other_process_errors(processes.count):
                run.start(resume)
                run.rounds()
                seconds = time.perf_counter() - began
                return finish(recipe, prepared, run.loaded, run.state, warnings, seconds, processes)
        finally:
            for each in run.collectors:
                each.close()
            run.loaded.close()


class OnlineRun:
    """Builds the parts of an online run and runs its rounds.

    Args:
        recipe: the recipe.
        prepared: objective, pairing, judge, engine and data.
        folder: of the run.
        reporter: shows progress.
        interrupt: whether a signal asks the run to stop.
        warnings: of the run; the list grows while it goes on.
        processes: of the run; the first one writes the files.
    """

    def __init__(
        self,
        recipe: OnlineRecipe,
        prepared: Prepared,
        folder: RunFolder,
        reporter: ProgressReporter,
        interrupt: Interrupt,
        warnings: list[str],
        processes: Processes,
    ) -> None:
        self.recipe, self.prepared, self.folder = recipe, prepared, folder
        self.processes, self.first = processes, processes.first
        self.reporter, self.interrupt = reporter, interrupt
        self.state, self.files = State(), RoundFiles(folder)
        self.step_rule = STEP_RULES.get(recipe.step_rule, "step_rule")()
        self.loaded = load(recipe, prepared, folder.checkpoints)
        self.step_rule.begin(self.loaded.policy)
        metrics = folder.path / "metrics.jsonl"
        self.journal = Journal(metrics if self.first else None, reporter, recipe.iterations, prepared.held_out)
        scorer = self.loaded.scorer
        self.notes = Notes(warnings=warnings, metrics=metrics)
        self.learners, self.collectors = [], []
        for each in prepared.phases:
            own, part = computing(each.recipe, prepared.modality), prepared.of(each)
            self.learners.append(Learner(own, scorer, self.loaded.reference, each.objective, self.notes, processes))
            self.collectors.append(build_collector(own, part, self.loaded, self.files, self._stop_if_asked))

    def start(self, resume: bool) -> None:
        """Start the run, or continue a stopped one."""
        if self.first:
            self._begin(resume)
        rows = self._restore() if resume else None
        self.journal.begin(self.state.done)
        if resume and self.first:
            self.files.delete_checkpoints(self.state.done)
            self._rewind(rows is not None, rows or [])
        if notice := self.prepared.engine.notice():
            self.reporter.say(notice)
        if self.state.before is None:
            self.state.before = self.state.after = self._measure()
        elif self._measures(self.state.done) and not agreed(self.journal.has_measured(self.state.steps)):
            # The run was stopped between saving the state and measuring it.
            self.state.after = self._measure()

    def _begin(self, resume: bool) -> None:
        """Say in the folder what the run is."""
        origin = online_origin(self.recipe, self.prepared, self.loaded)
        code = read_code(self.recipe.model_dump())
        self.folder.begin(resolved(self.recipe, self.prepared.objective), origin, resume=resume)
        write_code(self.folder.path, code)
        self.notes.about = self.folder.about

    def _restore(self) -> list[dict[str, Any]] | None:
        """Go on from the last usable state; the rows of its metrics, or None if there is no state."""
        states, loaded = self.folder.path / "states", self.loaded
        found = load_state(states, self.folder.about) if self.first else None
        done = agreed(None if found is None else found[0])
        if done is None:
            return None
        packed = open_state(states, done) if found is None else found[1]
        self.state = unpack(packed, done, loaded.policy, loaded.reference, self.prepared.objective)
        self.step_rule.load_state_dict(packed.get("step_rule", {}))
        if self.prepared.judge is not None:
            self.prepared.judge.load_state_dict(packed.get("judge", {}))
        if self.prepared.process.present:
            self.prepared.process.load_state_dict(packed["process_reward"])
        anywhere(False)  # no process goes on to delete a state that another one still reads
        return self.notes.restore(json.loads(packed.get("notes", "{}")))

    def _rewind(self, from_state: bool, rows: list[dict[str, Any]]) -> None:
        """Remove the metrics of steps that are trained again, and the checkpoints that they lead to."""
        done = self.state.done
        self.files.forget_after(done)
        notes = self.learners[0].notes_of(done)
        inside = find_checkpoint(self.files.checkpoints(done), notes.about, otherwise=BEGINNING)
        local = 0 if inside is None else step_of(inside)
        if inside is not None:
            rows = notes.read(inside) or rows
        place = f", step {local} of the next" if local else ""
        self.reporter.say(f"Continuing after {done} of {self.recipe.iterations} rounds{place}")
        self.journal.rewind(self.state.steps + local if from_state or local else -1, rows)

    def _measures(self, done: int) -> bool:
        """Whether a measurement is due after a number of rounds."""
        every = self.recipe.eval_every or -(-self.recipe.iterations // MEASUREMENTS)
        return done == self.recipe.iterations or (done > 0 and done % every == 0)

    def rounds(self) -> None:
        """Run the remaining rounds."""
        state, rounds = self.state, self.recipe.iterations
        with self.reporter.bar("Rounds", rounds, state.done):
            while state.done < rounds:
                self._round(state.done)
                self.loaded.reference.advance(self.loaded.policy)
                state.done = self.journal.done = state.done + 1
                self._between(last=state.done == rounds)
        if state.skipped == rounds:
            self.reporter.warn(f"No round had anything to train on, so the model is the one it was. {_LOOK}")
        if state.after is None:  # all rounds were already done
            state.after = self._measure()

    def _between(self, last: bool) -> None:
        """Save, measure and report after a round, as often as the recipe says, and stop if interrupted."""
        recipe, state = self.recipe, self.state
        save_every = recipe.save_rounds or -(-recipe.iterations // STATES)
        if last or state.done % save_every == 0:
            self._save()
        self.files.delete_checkpoints(state.done)
        if self._measures(state.done):
            state.after = self._measure()
        self._advance()
        if not last and anywhere(self.interrupt.asked):
            self._save()
            self._stop()

    def _round(self, number: int) -> None:
        """Collect the examples of one round, and train on them."""
        state, phase = self.state, number % len(self.learners)
        learner, collector = self.learners[phase], self.collectors[phase]
        try:
            rollouts, examples = collector.collect(number)
        except PenchantError:  # of a server or a judge; the rounds before are kept for --resume
            # Not where the samples that failed were those of earlier weights, which only an earlier state has.
            if number and not self.recipe.overlap:
                self._save()
            raise
        self.step_rule.before_training(number, self.loaded.policy, state, teaches(examples))
        collector.begin_next(number)
        sampled = collector.describe(rollouts, examples) if self.first else {}
        if not teaches(examples):
            self.reporter.say(f"Round {number + 1}: all rewards are equal or too low, so there is nothing to train on")
            self.journal.sampled(state.steps, sampled)
            self.prepared.process.learn(rollouts)
            self._idle()
            return
        trained = learner.train(
            examples,
            iteration=number,
            folder=self.files.checkpoints(number),
            optimizer=state.optimizer,
            callbacks=(self.journal.training(state.steps, sampled), self.interrupt),
        )
        if not trained.whole:
            self._stop()
        self.prepared.process.learn(rollouts)
        state.idle = 0
        state.steps += trained.steps
        state.examples += len(examples)
        state.optimizer = trained.optimizer if self.recipe.optimizer_state == "keep" else None

    def _idle(self) -> None:
        """Count a round without training; too many in a row end the run."""
        state, limit = self.state, self.recipe.idle_rounds
        state.idle, state.skipped = state.idle + 1, state.skipped + 1
        if state.idle >= limit:
            self._save()
            raise TrainingError(
                f"{limit} rounds in a row had nothing to train on: all rewards of a prompt were equal, or too low.",
                where=f"round {state.done + 1}",
                fix=_LOOK,
            )

    def _save(self) -> None:
        for collector in self.collectors:
            collector.settle(self.state.done)
        if not self.first:
            return
        packed = pack(self.state, self.loaded.policy, self.loaded.reference, self.prepared.objective)
        packed["step_rule"] = self.step_rule.state_dict()
        packed["judge"] = {} if self.prepared.judge is None else self.prepared.judge.state_dict()
        packed["process_reward"] = self.prepared.process.state_dict()
        packed["notes"] = json.dumps(self.notes.state())
        save_state(self.folder.path / "states", self.state.done, packed, self.folder.about)

    def _stop_if_asked(self, done: int) -> None:
        if anywhere(self.interrupt.asked):
            self._stop()

    def _stop(self) -> None:
        raise Interrupted(
            f"Stopped in round {min(self.state.done + 1, self.recipe.iterations)} of {self.recipe.iterations}; "
            f"finished work is kept. To continue, run the same command with --resume (folder {self.folder.path})."
        )

    def _measure(self) -> Measured | None:
        found = agreed(measure_heldout(self.recipe, self.prepared, self.loaded) if self.first else None)
        if found is not None:
            self.journal.measured(self.state.steps, found)
        return found

    def _advance(self) -> None:
        self.journal.advance(self.state)
