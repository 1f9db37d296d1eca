"""The loop of every online method: sample, judge, pair, train, and again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import set_seed

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Record
from penchant.forest.encoding import Example
from penchant.generation.responses import Sampling
from penchant.generation.server_engine import ServerEngine
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.references import InitialReference, NoReference, Reference
from penchant.online.outcome import finish
from penchant.online.pairing import build_examples
from penchant.online.preparation import Prepared, prepare
from penchant.online.recipe import OnlineRecipe
from penchant.online.reference_updates import build_reference_update
from penchant.online.rollouts import Rollout
from penchant.online.rounds import train_round
from penchant.online.sampling import Measured, Sampler, measure, with_old_logps
from penchant.online.state import load_state, save_state
from penchant.rewards.registry import build_judge
from penchant.training.arguments import training_arguments
from penchant.training.checkpoints import find_checkpoint, step_of
from penchant.training.folder import RunFolder
from penchant.training.interrupt import Interrupt
from penchant.training.log_routing import own_bars_only, warnings_to
from penchant.training.preparation import Given, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recorder import Recorder
from penchant.training.run import Interrupted, Result

__all__ = ["run_online"]

# Rounds between states and between measurements where the recipe does not say: so many a run at most.
STATES, MEASUREMENTS = 10, 20


def run_online(
    recipe: OnlineRecipe,
    given: Given | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    reporter: ProgressReporter | None = None,
) -> Result:
    """Carry an online recipe out.

    Every round draws prompts, samples responses from the policy, has them judged, makes training examples of them and
    trains on these with the one trainer. Everything that is drawn depends on the seed and the number of the round, and
    what was sampled is kept on disk, so a run that was stopped anywhere goes on as if it had not been.

    Args:
        recipe: the recipe.
        given: objects in memory that stand in for names in the recipe.
        resume: go on with the run in the output folder.
        overwrite: delete the run that is in the output folder.
        reporter: tells a person what happens.

    Returns:
        The trained model, its tokenizer, the run's folder, summary and report.

    Raises:
        PenchantError: anything that is wrong, before work is lost to it.
        Interrupted: a person stopped the run; it can be resumed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigurationError(
            "An online run uses one process; this is one of several.", fix="Start it without a launcher."
        )
    given, reporter, began = given or Given(), reporter or ProgressReporter(quiet=True), time.perf_counter()
    folder = RunFolder(recipe.output)
    prepared = prepare(recipe, given)
    inputs = [each for each in (recipe.model, recipe.data, recipe.eval_data) if each]
    folder.claim(resume=resume, overwrite=overwrite, inputs=inputs)
    if resume:
        folder.check_same(resolved(recipe, prepared.objective))
    with warnings_to(reporter) as warnings, own_bars_only(), Interrupt() as interrupt:
        run = OnlineRun(recipe, given, prepared, folder, reporter, interrupt)
        try:
            run.start(resume)
            run.rounds()
            return finish(run, warnings, time.perf_counter() - began)
        finally:
            run.close()


class OnlineRun:
    """The parts of an online run while it goes on."""

    def __init__(
        self,
        recipe: OnlineRecipe,
        given: Given,
        prepared: Prepared,
        folder: RunFolder,
        reporter: ProgressReporter,
        interrupt: Interrupt,
    ) -> None:
        self.recipe, self.prepared, self.folder = recipe, prepared, folder
        self.reporter, self.interrupt = reporter, interrupt
        set_seed(recipe.seed)
        device = training_arguments(recipe.model_copy(update={"eval_every": None}), 1, folder.checkpoints, 1).device
        every = [*prepared.train.records, *prepared.heldout.records]
        self.judge = build_judge(recipe.judge, every, device)
        self.scorer = CausalScorer(prepared.modality.load(device), recipe.attention)
        self.policy = self.scorer.model
        self.model_print = fingerprint(self.scorer.core)
        needs = prepared.objective.requirements.needs
        self.reference: Reference = InitialReference(self.scorer) if needs.reference else NoReference()
        self.rule = build_reference_update(recipe.reference, recipe.reference_rate, self.policy)
        # From the second round on it is no longer the initial model, for which the trainer expects a margin of 0.
        self.reference.kind = self.rule.name if needs.reference else "none"
        self.reference.starts_equal = False  # a later round starts from a policy that has moved
        self.reference_model = self.reference.scorer.model if isinstance(self.reference, InitialReference) else None
        self.optimizer: dict[str, Any] | None = None
        self.done, self.steps, self.examples = 0, 0, 0
        self.before: Measured | None = None
        self.after: Measured | None = None
        listeners = (self._told,)
        self.recorder = Recorder(folder.path / "metrics.jsonl", lambda step: float(self.done), listeners)
        self._build_engine(given)

    def _build_engine(self, given: Given) -> None:
        recipe, prepared = self.recipe, self.prepared
        room = None if prepared.max_length is None else prepared.max_length - recipe.max_new_tokens
        local = TransformersEngine(self.policy, prepared.renderer, batch_size=recipe.sampling_batch, max_length=room)
        self.local = local
        served = recipe.server and ServerEngine(recipe.server, recipe.server_model or recipe.model, prepared.renderer)
        self.sampler = Sampler(
            served or local,
            self.judge,
            prepared.renderer,
            compares=any(name in prepared.objective.requirements.fields for name in prepared.compared),
            chunk=max(1, recipe.sampling_batch // recipe.samples_per_prompt),
            unfinished_penalty=recipe.unfinished_penalty,
            overlong_buffer=recipe.overlong_buffer,
        )

    def close(self) -> None:
        """Give the models back as they were."""
        self.reference.close()
        self.scorer.close()

    # -- between rounds -----------------------------------------------------------------------------------------------

    def start(self, resume: bool) -> None:
        """Begin, or take up where a run was left."""
        origin = {"model": self.model_print, "data": self.prepared.train.fingerprint}
        self.folder.begin(resolved(self.recipe, self.prepared.objective), origin, resume=resume)
        found = load_state(self.folder.path / "states") if resume else None
        if found is not None:
            self.done, state = found
            self._load(state)
        if resume:
            inside = find_checkpoint(self._place(self.done) / "checkpoints")
            local = 0 if inside is None else step_of(inside)
            told = f", step {local} of it" if local else ""
            self.reporter.say(f"Going on after {self.done} of {self.recipe.iterations} rounds{told}")
            self.recorder.rewind(self.steps + local if found is not None or local else -1)
        self.recorder.began = time.perf_counter()
        if self.before is None:
            self.before = self.after = self._measure()

    def _state(self) -> dict[str, Any]:
        return {
            "policy": self.policy.state_dict(),
            "reference": None if self.reference_model is None else self.reference_model.state_dict(),
            "rule": self.rule.state_dict(),
            "objective": self.prepared.objective.state_dict(),
            "optimizer": self.optimizer,
            "counts": [self.steps, self.examples],
            "before": None if self.before is None else json.dumps(self.before.to_json()),
        }

    def _load(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        if self.reference_model is not None:
            self.reference_model.load_state_dict(state["reference"])
        self.rule.load_state_dict(state["rule"])
        self.prepared.objective.load_state_dict(state["objective"])
        self.optimizer = state["optimizer"]
        self.steps, self.examples = state["counts"]
        self.before = None if state["before"] is None else Measured.from_json(json.loads(state["before"]))

    def rounds(self) -> None:
        """All rounds that are left."""
        recipe = self.recipe
        states = recipe.save_rounds or -(-recipe.iterations // STATES)
        measurements = recipe.eval_every or -(-recipe.iterations // MEASUREMENTS)
        with self.reporter.bar("Rounds", recipe.iterations, self.done):
            while self.done < recipe.iterations:
                self._round(self.done)
                self.rule.advance(self.policy, self.reference_model)
                place = self._place(self.done)
                self.done += 1
                last = self.done == recipe.iterations
                if last or self.done % states == 0:
                    save_state(self.folder.path / "states", self.done, self._state())
                shutil.rmtree(place / "checkpoints", ignore_errors=True)
                if last or self.done % measurements == 0:
                    self.after = self._measure()
                self._advance()
                if self.interrupt.asked and not last:
                    save_state(self.folder.path / "states", self.done, self._state())
                    self._stop()
        if self.after is None:  # all rounds were done before this process began
            self.after = self._measure()

    def _stop(self) -> None:
        raise Interrupted(
            f"Stopped in round {min(self.done + 1, self.recipe.iterations)} of {self.recipe.iterations}; everything "
            f"done is kept. Go on with the same command and --resume (folder {self.folder.path})."
        )

    def _place(self, iteration: int) -> Path:
        return self.folder.path / "rounds" / f"{iteration + 1:05d}"

    # -- one round ----------------------------------------------------------------------------------------------------

    def _round(self, iteration: int) -> None:
        rollouts = self._rollouts(iteration)
        former = [self._kept(each) for each in range(max(0, iteration - self.recipe.history), iteration)]
        every = [*(rollout for part in former for rollout in part or []), *rollouts]
        examples = build_examples(every, self.prepared.pairing, self.prepared.objective.requirements)
        sampled = _sampled(rollouts, examples)
        if not _teaches(examples):
            self.reporter.say(f"Round {iteration + 1}: no response tells more than another; nothing to train on")
            self.recorder.write_once(self.steps, "train", sampled)
            return
        outcome = train_round(self, iteration, examples, sampled)
        if not outcome.whole:
            self._stop()
        self.steps += outcome.steps
        self.examples += len(examples)
        self.optimizer = outcome.optimizer if self.recipe.optimizer_state == "keep" else None

    def _kept(self, iteration: int) -> list[Rollout] | None:
        """What was sampled in a round, where it was written down whole."""
        plain = self.folder.read_json(f"rounds/{iteration + 1:05d}/rollouts.json")
        return None if plain is None else [Rollout.from_json(each) for each in plain]

    def _rollouts(self, iteration: int) -> list[Rollout]:
        found = self._kept(iteration)
        if found is not None:
            return found
        recipe = self.recipe
        sampling = Sampling(recipe.samples_per_prompt, recipe.max_new_tokens, recipe.temperature, recipe.top_p)
        seed = recipe.seed * 1_000_003 + (iteration + 1) * 10_007

        def advance(done: int) -> None:
            if self.interrupt.asked:
                self._stop()

        rollouts = self.sampler.sample(self._prompts(iteration), sampling, seed=seed, advance=advance)
        if self._reuses(len(rollouts)):
            with self._precision():
                rollouts = with_old_logps(rollouts, self.scorer)
        self._place(iteration).mkdir(parents=True, exist_ok=True)
        self.folder.write_json(f"rounds/{iteration + 1:05d}/rollouts.json", [each.to_json() for each in rollouts])
        return rollouts

    def _reuses(self, prompts: int) -> bool:
        """Whether the policy moves while it is still trained on these samples, so that the old one must be known."""
        recipe = self.recipe
        once = recipe.epochs * prompts <= recipe.batch_size and recipe.max_steps in (None, 1)
        return "old_policy" in self.prepared.objective.requirements.fields and not (
            once and recipe.tokens_per_batch is None
        )

    @contextlib.contextmanager
    def _precision(self) -> Iterator[None]:
        """The number type of the forward pass in training, so that ratios start at one."""
        kinds = {"bfloat16": torch.bfloat16, "float16": torch.float16}
        kind = kinds.get(self.recipe.precision or "")
        device = next(self.policy.parameters()).device.type
        with torch.autocast(device, dtype=kind) if kind is not None else contextlib.nullcontext():
            yield

    def _prompts(self, iteration: int) -> list[Record]:
        """The prompts of a round: the data in a random order, again and again, cut into equal parts."""
        records = self.prepared.train.records
        count = min(self.recipe.prompts_per_iteration, len(records))
        chosen = []
        for place in range(iteration * count, (iteration + 1) * count):
            epoch, position = divmod(place, len(records))
            chosen.append(records[int(_order(len(records), self.recipe.seed, epoch)[position])])
        return chosen

    # -- measuring and telling ----------------------------------------------------------------------------------------

    def _measure(self) -> Measured | None:
        """The policy on held-out prompts; None without a judge."""
        recipe = self.recipe
        if self.judge is None:
            return None
        sampling = Sampling(recipe.eval_samples, recipe.max_new_tokens, recipe.eval_temperature)
        found = measure(self.local, self.judge, self.prepared.heldout.records, sampling, seed=recipe.seed + 1)
        if found is None:
            raise DataError("No response to a held-out prompt could be scored.", fix="Look at the judge.")
        self.recorder.write_once(self.steps, "eval", found.numbers)
        return found

    def _told(self, step: int, split: str, numbers: dict[str, float]) -> None:
        """For a reader without a terminal: every measurement is a line."""
        for name in ("accuracy", "reward"):
            if split == "eval" and name in numbers:
                low, high = numbers[f"{name}/low"], numbers[f"{name}/high"]
                told = f"{name} {numbers[name]:.3f} [{low:.3f}, {high:.3f}] on held-out prompts"
                self.reporter.say(f"After {self.done} rounds ({step} steps): {told}")

    def _advance(self) -> None:
        numbers = "" if self.after is None else f"{self.after.name} {self.after.value:.3f}"
        self.reporter.advance(self.done, self.recipe.iterations, numbers)


def _order(size: int, seed: int, epoch: int) -> Any:
    return np.random.default_rng([seed, epoch, 2]).permutation(size)


def _teaches(examples: list[Example]) -> bool:
    """Whether any example can move the policy: groups of equal rewards alone cannot."""
    return any("advantage" not in each.fields or any(each.fields["advantage"]) for each in examples)  # type: ignore[arg-type]


def _sampled(rollouts: list[Rollout], examples: list[Example]) -> dict[str, float]:
    """What the round's samples were like."""
    scores = [each.scores[place] for each in rollouts for place in each.scored]
    given = [response for each in rollouts for response in each.responses]
    numbers = {
        "sampled/length": sum(len(each.ids) for each in given) / len(given),
        "sampled/finished": sum(each.finished for each in given) / len(given),
        "sampled/examples": float(len(examples)),
    }
    return numbers | ({"sampled/reward": sum(scores) / len(scores)} if scores else {})
