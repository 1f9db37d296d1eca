"""`measure_set`: what a model holds of a set of questions; likelihoods in shared forward passes, greedy answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from penchant.evaluation.unlearning.memory import extraction_strength, loss_score, min_k_score
from penchant.evaluation.unlearning.questions import Question, QuestionSet
from penchant.evaluation.unlearning.tofu import Answers, rouge_recall
from penchant.feedback.records import as_text
from penchant.forest.batching import plan_batches
from penchant.forest.build import build_forest, by_prompt
from penchant.forest.layout import TokenSequence
from penchant.generation.engine import generate
from penchant.likelihood.core import device_of
from penchant.likelihood.forest_scorer import ForestScorer, scorer_of
from penchant.objectives.core.token_statistic import TokenStatistic
from penchant.rendering.renderer import Renderer

__all__ = ["Held", "Subject", "measure_set"]

#: Tokens that a greedy answer may have beyond the longest right answer.
ROOM = 8


@dataclass(frozen=True)
class Subject:
    """A model under examination.

    Args:
        model: a causal language model in memory.
        renderer: writes prompts and answers as it was trained on them.
        max_length: tokens that the model can hold, or None.
        scorer: a scorer of the model that is open already, or None.
    """

    model: nn.Module
    renderer: Renderer
    max_length: int | None = None
    scorer: ForestScorer | None = None

    def sequence(self, prompt: Any, answer: Any) -> TokenSequence:
        """A question with an answer as tokens; a prompt that is too long loses its beginning."""
        asked = self.renderer.prompt_ids(prompt)
        said = self.renderer.response_ids(prompt, answer)
        if self.max_length is not None:
            said = said[: self.max_length - 1]
            asked = asked[-(self.max_length - len(said)) :]
        return TokenSequence(asked, said)


@dataclass(frozen=True)
class Held:
    """What a model holds of a set of questions.

    Args:
        answers: NLL per token of right and wrong answers, and ROUGE of the greedy answers.
        extraction: extraction strength of each right answer, in [0, 1].
        loss: mean log-probability per token of each right answer, nats.
        min_k: mean log-probability of its least likely fifth of tokens, nats.
        said: the greedy answers; empty where none were generated.
    """

    answers: Answers
    extraction: list[float]
    loss: list[float]
    min_k: list[float]
    said: list[str] = field(default_factory=list)

    @property
    def nll(self) -> float:
        """Mean NLL per token of the right answers, nats."""
        return -sum(self.loss) / len(self.loss)


def most_likely(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """1 where the token is the most likely one, else 0.

    Example:
        >>> most_likely(torch.tensor([[0.7, 0.3], [0.7, 0.3]]).log(), torch.tensor([0, 1]), None)
        tensor([1., 0.])
    """
    return (log_probs.argmax(-1) == ids).float()


_FIRST = TokenStatistic(most_likely, constant=True)


def measure_set(
    subject: Subject, wanted: QuestionSet, *, say: bool = True, relative: bool = False, tokens_per_batch: int = 4096
) -> Held:
    """Measure a model on a set of questions.

    Args:
        subject: the model.
        wanted: the questions.
        say: also answer greedily, for ROUGE.
        relative: take the probability of a right answer relative to the wrong ones, as TOFU does for real authors and
            world facts.
        tokens_per_batch: tokens of a forward pass.

    Raises:
        ConfigurationError: greedy answers are wanted and the package rouge-score is not installed.
    """
    texts = [(place, answer) for place, each in enumerate(wanted.questions) for answer in _answers(each)]
    sequences = [subject.sequence(wanted.questions[place].prompt, answer) for place, answer in texts]
    with scorer_of(subject.scorer or subject.model) as scorer:
        rows = _token_rows(scorer, sequences, tokens_per_batch)
    by_question: list[list[tuple[Tensor, Tensor]]] = [[] for _ in wanted.questions]
    for (place, _), row in zip(texts, rows, strict=True):
        by_question[place].append(row)
    said = _greedy(subject, wanted) if say else []
    golds = [several[0] for several in by_question]
    return Held(
        _collected(wanted, by_question, said, relative),
        [extraction_strength([bool(each) for each in right]) for _, right in golds],
        [loss_score(logps.tolist()) for logps, _ in golds],
        [min_k_score(logps.tolist()) for logps, _ in golds],
        said,
    )


def _answers(question: Question) -> list[Any]:
    """The answers that are scored: the right one, its paraphrase if there is one, and the wrong ones."""
    paraphrase = [] if question.paraphrase is None else [question.paraphrase]
    return [question.answer, *paraphrase, *question.wrong]


def _token_rows(
    scorer: ForestScorer, sequences: Sequence[TokenSequence], tokens_per_batch: int
) -> list[tuple[Tensor, Tensor]]:
    """For each sequence its tokens' log-probabilities, nats, and whether each token is the most likely one."""
    found: list[Any] = [None] * len(sequences)
    sizes = [len(each.prompt) + len(each.response) for each in sequences]
    plan = plan_batches(sizes, tokens_per_batch=tokens_per_batch, shuffle=False)
    for step in plan.steps:
        chosen = [sequences[place] for place in step]
        forest = build_forest(chosen, by_prompt(chosen)).to(device_of(scorer.core))
        with torch.no_grad():
            scored = scorer.score(forest, stats=(_FIRST,))
        logps, right = (forest.per_response(scored[key]).double().cpu() for key in ("logps", str(_FIRST)))
        for row, place in enumerate(step):
            length = sequences[place].length
            found[place] = (logps[row][:length], right[row][:length])
    return found


def _collected(
    wanted: QuestionSet, rows: list[list[tuple[Tensor, Tensor]]], said: list[str], relative: bool
) -> Answers:
    nlls = [[-float(logps.mean()) for logps, _ in several] for several in rows]
    asked = [place for place, each in enumerate(wanted.questions) if each.wrong]
    start = [1 + (each.paraphrase is not None) for each in wanted.questions]
    truth = [as_text(each.answer) for each in wanted.questions]
    return Answers(
        gold=[several[0] for several in nlls],
        wrong=[nlls[place][start[place] :] for place in asked],
        # The paraphrase where there is one, else the answer itself (index 0); of the questions that have wrong answers.
        paraphrase=[nlls[place][start[place] - 1] for place in asked],
        rouge=rouge_recall(said, truth)["rougeL_recall"] if said else (),
        perturbed=relative and len(asked) == len(nlls),
    )


def _greedy(subject: Subject, wanted: QuestionSet) -> list[str]:
    """The greedy answer to every question."""
    renderer = subject.renderer
    sequences = [subject.sequence(each.prompt, each.answer) for each in wanted.questions]
    room = max(each.length for each in sequences) + ROOM
    prompts = [list(each.prompt) for each in sequences]
    if subject.max_length is not None:
        room = min(room, subject.max_length - 1)
        prompts = [each[-(subject.max_length - room) :] for each in prompts]
    found = generate(
        subject.model,
        renderer.tokenizer,
        prompts,
        max_new_tokens=room,
        temperature=0.0,
        stop_token_ids=renderer.stop_token_ids,
    )
    return [renderer.decode(several[0], skip_special_tokens=True).strip() for several in found]
