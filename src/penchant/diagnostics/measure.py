"""`diagnose`: all diagnostics of a model on a file of comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from penchant.diagnostics.coverage import coverage_figures, sampled_log_ratios
from penchant.diagnostics.findings import Findings, Plan
from penchant.diagnostics.generalization import compare_rewards
from penchant.diagnostics.gradients import Pair, pair_entanglement, token_agreement
from penchant.diagnostics.pair_figures import column, pair_figures
from penchant.diagnostics.pair_table import pair_table, texts_of
from penchant.errors import DataError
from penchant.evaluation.rows import ScoredRows
from penchant.evaluation.scoring import score
from penchant.feedback.collection import Feedback
from penchant.feedback.reading import read
from penchant.feedback.records import Record
from penchant.forest.encoding import Encoder
from penchant.likelihood.context import length_limit
from penchant.likelihood.loading import load_model
from penchant.likelihood.reward_folder import check_answers
from penchant.model_folders import trained_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rendering.truncation import Truncation
from penchant.rewards.folders import judge_of_folder
from penchant.rewards.judge import Judge
from penchant.rewards.models import RewardModel
from penchant.rewards.registry import build_judge
from penchant.rewards.scores import compared_all, scored_all

__all__ = ["diagnose"]

Progress = Callable[[str, int, int], None]


def diagnose(
    model: str | Path,
    data: Any,
    reference: str | Path,
    plan: Plan | None = None,
    *,
    unseen: Any = None,
    reward_model: str | Path | None = None,
    shifted: Sequence[str | Path] = (),
    progress: Progress | None = None,
    reading: Mapping[str, Any] | None = None,
    **options: Any,
) -> Findings:
    """Diagnose a policy on comparisons: ranking, difficulty, displacement, entanglement, generalization.

    Args:
        model: folder or hub id of the policy.
        data: comparisons, as for `read`; a field ``probability`` is the share of annotators who prefer the chosen one.
        reference: folder or hub id of the reference.
        plan: settings of the diagnosis.
        unseen: feedback with responses that were not trained on.
        reward_model: folder of an explicit reward or preference model or of the run that trained it, or a hub id; the
            implicit reward is compared with it.
        shifted: files of comparisons from other distributions.
        progress: called with the current stage, the number of steps done and the total.
        reading: ``mapping``, ``split`` and ``on_bad`` of the data, as for `read`; other files have no
            split.
        **options: as for `score`: ``chat_template``, ``max_length``, ``truncation``.

    Raises:
        PenchantError: a model or the data cannot be used.
    """
    sets, further = _read_all(data, shifted, unseen, dict(reading or {}))
    judge = None if reward_model is None else _judge(str(reward_model))
    model, reference = trained_model(model), trained_model(reference)
    check_answers(model)
    scoring = _Scoring(load_model(model), load_tokenizer(model), load_model(reference), options, progress)
    return scoring.diagnose(plan or Plan(), sets, further, judge)


@dataclass(frozen=True)
class _Scoring:
    """The models of a diagnosis, and their scoring settings."""

    policy: nn.Module
    tokenizer: Any
    reference: nn.Module
    options: Mapping[str, Any]
    progress: Progress | None

    def diagnose(
        self, plan: Plan, sets: Mapping[str, Feedback], further: Feedback | None, judge: Judge | None
    ) -> Findings:
        """Compute all figures of the plan."""
        unseen = None if further is None else column(self.rows("unseen", further), "logp")
        needed = {name: each for name, each in sets.items() if name == "data" or judge is not None}
        rows = {name: self.rows(name, each, self.reference) for name, each in needed.items()}
        shares, notes = _shares(sets["data"], rows["data"], plan.agreement)
        if ties := sets["data"].ties:
            notes.append(f"{ties:,} ties are left out.")
        figures = pair_figures(rows["data"], shares, beta=plan.beta, gamma=plan.gamma, unseen=unseen)
        figures |= coverage_figures(column(rows["data"], "logratio"), self.answered(sets["data"], plan.sampled))
        figures |= self.gradients(sets["data"], plan)
        if judge is not None:
            figures |= _rewards(judge, {name: (each, rows[name]) for name, each in sets.items()})
        return Findings(len(rows["data"]), figures, notes, pair_table(rows["data"], plan.beta), texts_of(sets["data"]))

    def rows(self, title: str, records: Feedback, reference: nn.Module | None = None) -> ScoredRows:
        """The records, scored by the policy."""
        progress = None if self.progress is None else partial(self.progress, title)
        given = {"reference": reference, "tokenizer": self.tokenizer, "progress": progress}
        return score(self.policy, records, **given, **self.options)

    def gradients(self, feedback: Feedback, plan: Plan) -> dict[str, float]:
        """Entanglement and token cosines of the first pairs."""
        figures = {}
        if plan.entangled:
            progress = None if self.progress is None else partial(self.progress, "entanglement")
            pairs = self.pairs(feedback, plan.entangled)
            found = pair_entanglement(self.policy, pairs, form=plan.form, progress=progress)
            figures.update({f"entanglement/{name}": value for name, value in found.summary().items()})
        if plan.token_pairs:
            agreed = token_agreement(self.policy, self.pairs(feedback, plan.token_pairs))
            figures.update({f"tokens/{name}": value for name, value in agreed.items()})
        return figures

    def renderer(self) -> Renderer:
        """Turns texts into tokens, as in scoring."""
        named = ("chat_template", "end_token", "template_arguments", "as_chat")
        return Renderer(self.tokenizer, **{name: self.options[name] for name in named if name in self.options})

    def answered(self, feedback: Feedback, count: int) -> Tensor | None:
        """log π/μ of the policy's own responses to the first prompts; None if there are none to be written."""
        if not count:
            return None
        renderer = self.renderer()
        prompts = [renderer.prompt_ids(record.prompt) for record in feedback.records[:count]]
        progress = None if self.progress is None else partial(self.progress, "coverage")
        return sampled_log_ratios(
            self.policy,
            self.reference,
            self.tokenizer,
            prompts,
            list(renderer.stop_token_ids),
            advance=None if progress is None else lambda done: progress(done, len(prompts)),
        )

    def pairs(self, feedback: Feedback, count: int) -> list[Pair]:
        """The first pairs as token sequences, as in scoring."""
        renderer = self.renderer()
        limit = length_limit("", self.policy, self.tokenizer, self.options.get("max_length"))
        truncation = Truncation(limit, self.options.get("truncation", "prompt_left"))
        encoder = Encoder(renderer, ["responses"], truncation=truncation)
        # A few more records than needed, because truncation drops some; encoding the whole file is not needed.
        encoded = encoder.encode(feedback.records[: 2 * count + 8])
        return [(each.views["responses"][0], each.views["responses"][1]) for each in encoded.examples[:count]]


def _read_all(
    data: Any, shifted: Sequence[str | Path], unseen: Any, reading: dict[str, Any]
) -> tuple[dict[str, Feedback], Feedback | None]:
    """The comparisons by name, the data first, and the unseen feedback; read before a model is loaded."""
    sets = {"data": _comparisons(read(data, **reading))}
    reading.pop("split", None)
    sets |= {Path(each).name: _comparisons(read(each, **reading)) for each in shifted}
    return sets, None if unseen is None else read(unseen, on_bad=reading.get("on_bad", "stop"))


def _comparisons(feedback: Feedback) -> Feedback:
    if feedback.kind != "comparison":
        raise DataError(
            f"The feedback is of kind {feedback.kind!r}; a diagnosis needs comparisons.",
            where=feedback.name,
            fix="Give a file with prompt, chosen and rejected.",
        )
    return feedback


def _shares(feedback: Feedback, rows: ScoredRows, agreement: float | None) -> tuple[Tensor, list[str]]:
    """The annotators' share for each scored record, and a note on records without one."""
    known = {str(record.source): record.fields.get("probability", agreement) for record in feedback}
    found = [known[row["source"]] for row in rows.rows]
    sure, notes = sum(share is None for share in found), []
    if sure:
        notes.append(
            f"{sure} of {len(found)} records have no probability: their labels count as certain, so the ideal policy "
            "ranks them right. Set another share with --agreement."
        )
    return torch.tensor([1.0 if share is None else share for share in found], dtype=torch.float64), notes


def _judge(reward_model: str) -> Judge:
    """The judge of a folder, or the reward model of a hub id."""
    if not Path(reward_model).is_dir():
        return RewardModel(reward_model)
    found = build_judge(judge_of_folder(reward_model))
    assert found is not None  # that of a folder always judges
    return found


def _rewards(judge: Judge, sets: Mapping[str, tuple[Feedback, ScoredRows]]) -> dict[str, float]:
    """Accuracy of explicit and implicit rewards on the same records of every set."""
    explicit, implicit = {}, {}
    for name, (feedback, rows) in sets.items():
        taken = {row["source"] for row in rows.rows}
        kept = [record for record in feedback if str(record.source) in taken]
        explicit[name] = _explicit(judge, kept)
        implicit[name] = (column(rows, "logratio", 0), column(rows, "logratio", 1))
    found = compare_rewards(explicit, implicit, next(iter(sets)))
    figures = {f"explicit/{name}": value for name, value in found.explicit.items()}
    figures |= {f"implicit/{name}": value for name, value in found.implicit.items()}
    if found.drops:
        figures |= {"drop/mean": found.mean_drop, "drop/max": found.max_drop}
    return figures


def _explicit(judge: Judge, records: Sequence[Record]) -> tuple[Tensor, Tensor]:
    """The rewards of both sides; of a judge that only compares, how often each is preferred."""
    both = [list(record.responses) for record in records]
    if judge.gives_scores:
        given = torch.tensor(scored_all(judge, records, both), dtype=torch.float64)
        return given[:, 0], given[:, 1]
    preferred = torch.tensor([float(table[0, 1]) for table in compared_all(judge, records, both)], dtype=torch.float64)
    return preferred, 1 - preferred
