"""`PreferenceTrainer`: the trainer of every objective, a thin subclass of transformers' Trainer.

Checkpoints, resuming, mixed precision, FSDP and DeepSpeed through ``accelerate launch``, loggers and callbacks come
from transformers. The subclass adds: a scorer builds the batches, losses come unreduced from the objective and are
weighted and divided only here, metrics are (sum, count) pairs, and complete checkpoints are sealed.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, ProgressCallback, TrainerCallback, TrainingArguments

from penchant.evaluation.heldout import HeldOut, measure
from penchant.evaluation.metrics import Tally, batch_metrics
from penchant.forest.batching import Plan
from penchant.forest.collate import AnyBatch
from penchant.likelihood.counted_dropout import dropping, has_counted_dropout
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored
from penchant.training.arguments import own_optimizer
from penchant.training.checkpoint_notes import Notes
from penchant.training.data import training_loader
from penchant.training.first_step import check_gradients, check_margin, check_trainable, refuse_nan, refuse_nan_gradient
from penchant.training.identity.sealing_trainer import SealingTrainer
from penchant.training.parameters.clipping import clip_together, norm_together
from penchant.training.parameters.parts import repeated
from penchant.training.parameters.rates import Rates
from penchant.training.parameters.strategy import Strategy
from penchant.training.split_step import SplitStep, step_lengths, with_lengths

__all__ = ["PreferenceTrainer"]


class PreferenceTrainer(SealingTrainer):
    """Trains a policy with an objective.

    Args:
        scorer: the policy.
        reference: the reference.
        objective: the loss.
        examples: the encoded training data.
        plan: every step of the run.
        args: arguments of transformers' Trainer; ``max_steps`` must be the length of the plan.
        eval_examples: held-out data.
        tokens_per_batch: tokens (or other units of the scorer) per forward pass of an evaluation.
        callbacks: additional callbacks of transformers.
        notes: what each checkpoint keeps besides the state of the training, and whose it is.
        strategy: which weights move, prepared before the first step; all of them by default.
        rates: learning rates of some weights; by default all have that of ``args``.
    """

    control: Any

    def __init__(
        self,
        *,
        scorer: Scorer,
        reference: Reference,
        objective: Objective,
        examples: Sequence[Any],
        plan: Plan,
        args: TrainingArguments,
        eval_examples: Sequence[Any] | None = None,
        tokens_per_batch: int | None = None,
        callbacks: Sequence[TrainerCallback] = (),
        notes: Notes | None = None,
        strategy: Strategy | None = None,
        rates: Rates | None = None,
    ) -> None:
        check_trainable(scorer.model, objective)
        self.scorer, self.reference, self.objective = scorer, reference, objective
        self.strategy, self.rates = strategy, rates or Rates(args.learning_rate)
        needs = objective.requirements.needs
        if needs.hidden or needs.ends:
            objective.bind(scorer.hidden_size)
        if needs.reference_states:
            objective.bind_layers(scorer.hidden_size, scorer.depth)
        if not needs.scores:
            scorer.set_output_head_trained(False)
        self.rates.check(scorer.model, objective)
        self.examples, self.plan, self.eval_examples = examples, plan, eval_examples
        self.tokens_per_batch, self.notes = tokens_per_batch, notes or Notes()
        #: Figures of sampled responses, which every measurement of the whole held-out data adds; None for none.
        self.sampled_metrics: Callable[[], dict[str, float]] | None = None
        self.tally, self.mark, self.work_since = Tally(), time.perf_counter(), 0
        self.grad_examined, self.step_begins, self.rounding_said = False, True, False
        self.split: SplitStep | None = None
        self.lengths: dict[str, float] = {}
        # Trainer switches the cache off in the model's configuration, with which the model is saved.
        config: Any = getattr(scorer.model, "config", None)
        cached = getattr(config, "use_cache", None)
        super().__init__(
            model=scorer.model,
            args=args,
            train_dataset=range(len(examples)),  # type: ignore[arg-type]  # Trainer uses only its length
            eval_dataset=None if eval_examples is None else range(len(eval_examples)),  # type: ignore[arg-type]
            callbacks=list(callbacks),
        )
        if cached is not None:
            config.use_cache = cached
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)
        # Losses are already divided by the weight of the whole step; Trainer must not divide them again.
        self.model_accepts_loss_kwargs = True
        self.objective.to(self.args.device)

    # -- data ---------------------------------------------------------------------------------------------------------

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Every micro-batch of this process; they are assigned to processes here and not by accelerate."""
        return training_loader(
            self.examples,
            self.plan,
            self.scorer.collate,
            accumulate=self.args.gradient_accumulation_steps,
            process=self.args.process_index,
            processes=self.args.world_size,
            workers=self.args.dataloader_num_workers,
        )

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """The micro-batches of a step; the count of 1 keeps Trainer from scaling losses."""
        samples, _count = super().get_batch_samples(epoch_iterator, num_batches, device)
        parts = self.args.world_size * self.args.gradient_accumulation_steps
        self.split = self._split(samples) if self.objective.scored_twice and parts > 1 else None
        self.lengths = self._lengths(samples) if self.objective.coupled_by_length and parts > 1 else {}
        return samples, torch.ones((), device=device)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Always 0: throughput is measured in units of the scorer instead."""
        return 0

    # -- the step -----------------------------------------------------------------------------------------------------

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Σ weight · loss of this micro-batch over the weight of the whole step (all processes, all micro-batches)."""
        batch: AnyBatch = inputs["batch"].to(self.args.device)
        tie: Tensor | float = 0.0
        if self.split is None:
            views = with_lengths(self._score(batch, self.objective.requirements.needs, model), self.lengths)
            losses = self.objective.compute({**views, **batch.fields})
        else:
            views, losses, tie = self.split(batch)
        # A ghost's loss may be infinite; its weight is 0, but 0 · inf is NaN.
        weighted = torch.where(batch.weights > 0, losses.values * batch.weights, 0.0)
        refuse_nan(losses.values, batch)
        # Dropout comes between the two models until the step is done.
        starts_equal = self.strategy is None or self.strategy.starts_equal
        if self.state.global_step == 0 and starts_equal and not has_counted_dropout(self.scorer.model):
            self.rounding_said = check_margin(views, self.reference, self._reduced(), self.rounding_said)
        batch_metrics(self.tally, self.objective, views, losses, batch)
        self._count_work(batch)
        # Processes average their gradients, but the loss is a sum over processes.
        total = weighted.sum() + tie + self._auxiliary(batch)
        loss = total / batch.denominator * self.args.world_size
        if not loss.requires_grad:
            check_gradients(self.model, self.objective)
        return (loss, views) if return_outputs else loss

    def _score(self, batch: AnyBatch, needs: Needs, model: nn.Module | None = None) -> dict[str, Scored]:
        # Only the wrapped policy applies mixed precision by itself; the reference needs the same.
        with self.accelerator.autocast():
            return self.scorer.score_batch(batch, self.reference, needs, self.model_wrapped if model is None else model)

    def _split(self, samples: list[Any]) -> SplitStep:
        args = self.args
        return SplitStep(
            self.objective, samples, self._score, args.device, args.process_index, args.world_size, self._scoring
        )

    def _lengths(self, samples: list[Any]) -> dict[str, float]:
        views = self.objective.requirements.views
        return step_lengths(views, samples, self._sum_over_processes if self.args.world_size > 1 else None)

    @contextlib.contextmanager
    def _scoring(self) -> Iterator[None]:
        """A pass whose result is not trained on; dropout is that of the step, which only passes with gradient have."""
        with (
            torch.set_grad_enabled(has_counted_dropout(self.scorer.model)),
            self.accelerator.no_sync(self.model_wrapped),
        ):
            yield

    def _auxiliary(self, batch: AnyBatch) -> Tensor | float:
        """The auxiliary loss of the model (a mixture of experts), weighted as the examples of this micro-batch are."""
        found = self.scorer.aux_loss
        if found is None:
            return 0.0
        weight = batch.weights.sum()
        self.tally.add("aux_loss", found[None], weight[None])
        return self.scorer.aux_coefficient * found * weight

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Train on one micro-batch, including the objective's own parameters, which the wrapped model lacks."""
        if self.step_begins:
            self.objective.zero_grad()  # Trainer clears only the gradients of the model
            if self.strategy is not None:
                self.strategy.before_step(self.state.global_step, self.raw_optimizer)
        with dropping(self.scorer.model, inputs["batch"].step):
            loss = super().training_step(model, inputs, num_items_in_batch)
        self.step_begins = self.accelerator.sync_gradients
        if self.accelerator.sync_gradients:
            if self.strategy is not None:
                self.strategy.after_backward()
            for parameter in self.objective.parameters():
                if parameter.grad is not None and self.args.world_size > 1:
                    parameter.grad = self.accelerator.reduce(parameter.grad, "mean")
            # Only at step 0: later a gradient may well be zero, for example beyond a hinge. DeepSpeed keeps gradients
            # to itself.
            if self.state.global_step == 0 and not self.grad_examined and not self.is_deepspeed_enabled:
                self.grad_examined = True
                check_gradients(self.model, self.objective)
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        own = list(self.objective.parameters())
        if not own or self.is_deepspeed_enabled:  # DeepSpeed clips what it holds, all in one
            return super()._clip_grad_norm(model)
        norm = super()._get_grad_norm(model)
        return clip_together(norm, list(model.parameters()), own, self.args.max_grad_norm)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if grad_norm is None and not self.is_deepspeed_enabled and (own := list(self.objective.parameters())):
            norm = norm_together(norm, own)
        # The gradient scaler of float16 expects infinities and skips such steps.
        if self.accelerator.scaler is None:
            refuse_nan_gradient(norm, self.state.global_step)
        return norm

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The usual optimizer, with a separate group for the objective's own parameters."""
        fresh = self.optimizer is None
        optimizer = super().create_optimizer(model) if model is not None else super().create_optimizer()
        own = list(self.objective.parameters())
        if fresh:
            self.rates.apply(optimizer, self.model)
        if fresh and own:
            rate = {} if self.rates.head is None else {"lr": self.rates.head}
            optimizer.add_param_group({"params": own, "weight_decay": 0.0, **rate})
        if fresh and (strategy := self.strategy) is not None:
            optimizer.register_step_post_hook(lambda *_given: strategy.after_step())
            self.raw_optimizer = optimizer  # Trainer wraps its own
        return optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        """The schedule, once for each part of the run if the strategy divides it."""
        parts = 1 if self.strategy is None else self.strategy.parts
        if parts == 1 or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        warmup, length = self.args.warmup_steps, math.ceil(num_training_steps / parts)
        try:
            self.args.warmup_steps = math.ceil(warmup / parts) if length > 1 else 0
            made = super().create_scheduler(length, optimizer)
        finally:
            self.args.warmup_steps = warmup
        return repeated(made, num_training_steps, parts)

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: Any = None) -> tuple[Any, Any]:
        """The optimizer's class and its arguments, those of the recipe included."""
        return own_optimizer(args, model)

    def _reduced(self) -> bool:
        return self.args.bf16 or self.args.fp16 or next(self.scorer.core.parameters()).dtype != torch.float32

    def _count_work(self, batch: AnyBatch) -> None:
        self.work_since += batch.work
        if batch.work_apart is not None:
            self.tally.add_ratio(f"{self.scorer.unit}_saved", batch.work_apart - batch.work, batch.work_apart)

    # -- metrics ------------------------------------------------------------------------------------------------------

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the batch metrics of all processes since the last log."""
        if "loss" in logs:
            means = self.tally.means(self._sum_over_processes if self.args.world_size > 1 else None)
            means.pop("example_loss", None)
            now = time.perf_counter()
            # Policy and reference both process the batch; its work is counted once.
            work = torch.tensor([float(self.work_since)], dtype=torch.double)
            total = float(self._sum_over_processes(work)) if self.args.world_size > 1 else float(work)
            means[f"{self.scorer.unit}_per_second"] = total / max(now - self.mark, 1e-9)
            logs = {**logs, **means}
            self.tally.clear()
            self.mark, self.work_since = now, 0
        super().log(logs, start_time)

    def _sum_over_processes(self, values: Tensor) -> Tensor:
        return self.accelerator.reduce(values.to(self.args.device, torch.float32), "sum").cpu().double()

    def measure_heldout(self, examples: Sequence[Any] | None = None) -> HeldOut:
        """Evaluate the current policy, with the work shared between processes."""
        chosen = self.eval_examples if examples is None else examples
        assert chosen is not None
        shared = self.args.world_size > 1
        with self.accelerator.autocast():
            result = measure(
                self.scorer,
                self.reference,
                self.objective,
                chosen,
                tokens_per_batch=self.tokens_per_batch,
                process=self.args.process_index,
                processes=self.args.world_size,
                reduce=self._sum_over_processes if shared else None,
            )
        result = _gathered(result) if shared else result
        if examples is None and self.sampled_metrics is not None:
            result.metrics |= self.sampled_metrics()
        return result

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Held-out metrics under ``eval_...``, logged."""
        metrics = {f"eval_{name}": value for name, value in self.measure_heldout().metrics.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.mark = time.perf_counter()
        return metrics


def _gathered(part: HeldOut) -> HeldOut:
    """The per-example lists of all processes, concatenated."""
    from accelerate.utils import gather_object

    return HeldOut.of(gather_object([part]))
