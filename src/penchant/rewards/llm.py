"""LLM judges: ``llm`` asks an OpenAI-compatible endpoint, ``local_llm`` a model in a folder."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Record, Text, as_text
from penchant.generation.asks_server import AsksServer
from penchant.generation.chat_answers import ChatAnswer
from penchant.objectives.functional.preferences import bradley_terry, win_rates
from penchant.rewards.answerers import Answerer, EndpointAnswerer, Question
from penchant.rewards.budget import Budget
from penchant.rewards.joint_text import all_games
from penchant.rewards.judge import Judge
from penchant.rewards.judge_prompts import as_script, asked, criteria_of, own_prompt
from penchant.rewards.judge_readings import Reading, preferences_from
from penchant.rewards.local_answerer import LocalAnswerer
from penchant.rewards.named_models import name_model

__all__ = ["EndpointJudge", "LLMJudge", "LocalJudge"]

_WORDS = {"pairwise": ("A", "B"), "pointwise": ("Yes", "No")}


class LLMJudge(Judge):
    """Asks a language model which of two responses is better, in both orders, or how good one is.

    pairwise:   P_ij = (p_ij + 1 − p_ji) / 2,   p = 1, 1/2, 0 for A, tie, B; or p(A) / (p(A) + p(B))
    pointwise:  the rating, or log p(Yes) / p(No);   rubric:  the weighted mean of the criteria, in [0, 1]

    A pairwise judge scores with win rates among the responses to a prompt; the others compare by their scores, equal
    ones 1/2. What holds no verdict is NaN and counted in ``unreadable``.

    Reference:
        Zheng et al. (2023), Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena, arXiv:2306.05685.
    """

    role: Annotated[
        Literal["pairwise", "pointwise", "rubric"], "two responses in both orders, one rating, or a rubric"
    ] = "pairwise"
    by: Annotated[
        Literal["text", "scores", "probabilities"],
        "read the verdict from the text, from two scores in it (pairwise), or from the probabilities of the two words "
        "A and B (pairwise) or Yes and No (pointwise) as the first of the answer",
    ] = "text"
    prompt: Annotated[
        str | None, "text file with the question, with {prompt}, {response} or {response_1} and {response_2}"
    ] = None
    rubric: Annotated[list[Any] | None, "criteria of a rubric: texts, or criterion, weight and scale"] = None
    reasons: Annotated[bool, "ask for reasons before the verdict"] = False
    reference: Annotated[bool, "show the right answer of each record (its field answer) to the judge"] = False
    several: Annotated[
        Literal["last", "order", "error"], "which of several verdicts in one text counts: the last, A before B, none"
    ] = "last"
    lowest: Annotated[float, "lowest rating"] = 1.0
    highest: Annotated[float, "highest rating"] = 10.0
    tie_delta: Annotated[float, Ge(0), "ratings (not of a rubric) that differ by no more are a tie"] = 0.1
    samples: Annotated[int, Gt(0), "answers per question: the majority of verdicts, or the mean rating"] = 1
    temperature: Annotated[float, Ge(0), "sampling temperature of the judge"] = 0.0
    max_new_tokens: Annotated[int, Gt(0), "maximum tokens of an answer"] = 512

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._check()
        self.scores_alone = self.role != "pairwise"
        self.answerer = self.make_answerer()
        self.criteria = criteria_of(self.rubric or ()) if self.role == "rubric" else []
        slots = ("prompt", "response_1", "response_2") if self.role == "pairwise" else ("prompt", "response")
        self.own = None if self.prompt is None else own_prompt(self.prompt, slots)
        self.answers: dict[str, str] = {}
        #: Number of answers without a verdict, and of all answers.
        self.unreadable = self.read_answers = 0

    def make_answerer(self) -> Answerer:
        """What is asked, made from the settings."""
        raise NotImplementedError(f"{type(self).__name__} does not implement make_answerer.")

    def _check(self) -> None:
        problem = ""
        if self.by == "probabilities" and self.role == "rubric":
            problem = "A rubric is answered with a text, so by must be text."
        elif self.by == "scores" and self.role != "pairwise":
            problem = "by=scores reads two ratings, which only a pairwise judge gives."
        elif self.samples > 1 and not (self.temperature > 0 and self.by != "probabilities"):
            problem = "Several samples of one question are equal without a temperature above 0, and by probabilities."
        elif not self.lowest < self.highest:
            problem = f"The ratings go from {self.lowest:g} to {self.highest:g}."
        elif self.rubric is not None and self.role != "rubric":
            problem = "A rubric is given, but role is not rubric."
        if problem:
            raise ConfigurationError(problem, where="judge")

    def read(self, records: Iterable[Record]) -> None:
        """With ``reference``, read the right answers.

        Raises:
            DataError: a record has no field ``answer``.
        """
        if not self.reference:
            return
        for record in records:
            if record.fields.get("answer") is None:
                raise DataError(
                    "The record has no field 'answer', which the judge should see (reference=true).",
                    where=str(record.source),
                    fix="Add the answer, or map a column to it with --map answer=COLUMN.",
                )
            self.answers[as_script(record.prompt)] = str(record.fields["answer"])

    @property
    def found(self) -> int:
        """Number of questions whose answers were stored before."""
        return int(getattr(self.answerer, "found", 0))

    def to(self, device: Any) -> None:
        """Move a model in this process to a device."""
        self.answerer.to(device)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """Ratings; for a pairwise judge, win rates among the responses (1/2 for a single one)."""
        return self.score_all([prompt], [responses])[0]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`; NaN where an answer holds no verdict."""
        return self.compare_all([prompt], [responses])[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """The scores of the responses to each of several prompts; all questions are asked at once.

        Args:
            prompts: P texts or conversations.
            responses: for each, K texts.

        Raises:
            ConfigurationError: a response is not a text, or the budget is spent.
            ModelError: the server gives no usable answer.
        """
        if self.role == "pairwise":
            return [win_rates(each).tolist() for each in self.compare_all(prompts, responses)]
        flat = [(prompt, each) for prompt, several in zip(prompts, responses, strict=True) for each in several]
        questions = [self._question(prompt, (each,)) for prompt, each in flat]
        found = iter(self._read(questions, lambda reading, answers: reading.rating(answers)))
        return [[next(found) for _each in several] for several in responses]

    def compare_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """The preference probabilities [K, K] for each of several prompts; arguments and errors as for `score_all`."""
        if self.role != "pairwise":
            return [self._ordered(each) for each in self.score_all(prompts, responses)]
        games = all_games(responses)
        pairs = [(prompts[place], (responses[place][i], responses[place][j])) for place, i, j in games]
        questions = [self._question(prompt, pair) for prompt, pair in pairs]
        shares = self._read(questions, lambda reading, answers: reading.first_wins(answers))
        tables = [torch.full((len(each), len(each)), 0.5, dtype=torch.float64) for each in responses]
        for (place, i, j), share in zip(games, shares, strict=True):
            tables[place][i, j] = share
        return [(table + 1 - table.T) / 2 for table in tables]

    def _ordered(self, scores: Sequence[float]) -> Tensor:
        """Preferences from scores: log-odds are Bradley-Terry logits, ratings only order."""
        if self.by == "probabilities":
            return bradley_terry(torch.tensor(scores, dtype=torch.float64))
        return preferences_from(scores, self.tie_delta if self.role == "pointwise" else 0.0)

    def first_wins(self, prompts: Sequence[Text], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The probability that the response shown first wins, in this order alone: what position bias is measured by.

        Raises:
            ConfigurationError: the judge is not pairwise.
        """
        if self.role != "pairwise":
            raise ConfigurationError("Only a pairwise judge shows two responses in an order.", where="judge")
        questions = [self._question(prompt, pair) for prompt, pair in zip(prompts, pairs, strict=True)]
        return self._read(questions, lambda reading, answers: reading.first_wins(answers))

    def _question(self, prompt: Text, shown: Sequence[Any]) -> Question:
        """The question about one response or two."""
        for each in shown:
            if not isinstance(each, str | list):
                raise ConfigurationError(
                    f"The judge {self.id} reads texts, but a response is of the type {type(each).__name__}.",
                    where="judge",
                    fix="Use a judge of this modality.",
                )
        texts = [as_text(each) for each in shown]
        pairwise = self.role == "pairwise"
        named = {"response_1": texts[0], "response_2": texts[1]} if pairwise else {"response": texts[0]}
        script = as_script(prompt)
        named |= {"prompt": script, "reference": self.answers.get(script, "")}
        words = _WORDS[self.role] if self.by == "probabilities" else ()
        kind = f"words_{self.role}" if words else self.role
        kind = {"text": "letter", "scores": "scores"}.get(self.by, kind) if pairwise else kind
        scale = (self.lowest, self.highest)
        messages = asked(kind, self.own, named, reasons=self.reasons, scale=scale, criteria=self.criteria)
        return Question(messages, words)

    def _read(self, questions: Sequence[Question], read: Any) -> list[float]:
        """What the answers to each question say, over its samples; NaN for nothing."""
        draws = range(self.samples)
        drawn = [Question(each.messages, each.words, draw) for each in questions for draw in draws]
        answers = self.answerer.ask(drawn)
        reading = Reading(self.by, self.several, self.tie_delta, (self.lowest, self.highest), self.criteria)
        found = [read(reading, answers[start : start + self.samples]) for start in range(0, len(answers), self.samples)]
        self._count(found, answers)
        return found

    def _count(self, found: Sequence[float], answers: Sequence[ChatAnswer]) -> None:
        bad = [place for place, each in enumerate(found) if each != each]
        self.unreadable += len(bad)
        self.read_answers += len(found)
        if bad:
            example = answers[bad[0] * self.samples].text
            logging.getLogger("penchant").warning(
                "%d of %d answers of the judge %s hold no verdict and are left out; the first is %r.",
                len(bad),
                len(found),
                self.id,
                example[:200],
            )


class EndpointJudge(AsksServer, LLMJudge):
    """An LLM behind an OpenAI-compatible endpoint (``POST {url}/chat/completions``).

    Every answer is stored on disk under the content of its request, and paid once: a run that is started again asks
    only what is missing. The key is read from the environment and sent to this address alone; redirects are not
    followed.

    Args:
        settings: ``url``, ``model``, and the settings of `LLMJudge`, of requests and of the budget.

    Raises:
        ConfigurationError: the address cannot be used, or a setting is wrong.
    """

    id = "llm"
    formula = "win rate in both orders, rating, or weighted mean of a rubric"
    span = "0 to 1; lowest to highest; 0 to 1: higher is better"
    advice = "Audit it before you trust it: order, length, style and its own family move language models."

    url: Annotated[str, "address of the server up to and including /v1"]
    model: Annotated[str, "name of the model on the server"]
    key_variable: Annotated[str, "environment variable that holds the key"] = "OPENAI_API_KEY"
    store: Annotated[str | None, "file of stored answers; default: one for server and model in the cache folder"] = None
    budget_calls: Annotated[int | None, Ge(0), "maximum number of paid calls"] = None
    budget_tokens: Annotated[int | None, Ge(0), "maximum number of paid tokens, of questions and answers"] = None
    per_minute: Annotated[float | None, Gt(0), "maximum number of attempts per minute"] = None
    top_p: Annotated[float, Interval(gt=0, le=1), "probability mass of nucleus sampling"] = 1.0

    def make_answerer(self) -> EndpointAnswerer:
        """See `LLMJudge.make_answerer`."""
        patience = self.patience()
        sampling = {"temperature": self.temperature, "max_tokens": self.max_new_tokens}
        sampling |= {"top_p": self.top_p} if self.top_p < 1 else {}
        self.budget = Budget(self.budget_calls, self.budget_tokens, self.per_minute)
        made = EndpointAnswerer(
            self.url,
            self.model,
            sampling,
            patience,
            parallel=self.parallel,
            budget=self.budget,
            store=None if self.store is None else Path(self.store),
            key_name=self.key_variable,
        )
        # Runs save their settings, and the address may hold secrets.
        self.url = made.server
        return made


class LocalJudge(LLMJudge):
    """A causal language model in a folder as a judge: it generates its verdicts, or gives probabilities of two words.

    Args:
        model: a folder, a hub id, or a model in memory.
        tokenizer: required if the model is given in memory.
        settings: ``batch_size`` and the settings of `LLMJudge`.

    Raises:
        ModelError: the model cannot be loaded.
        ConfigurationError: a setting is wrong.
    """

    id = "local_llm"
    formula = "win rate in both orders, rating, or weighted mean of a rubric"
    span = "0 to 1; lowest to highest; 0 to 1: higher is better"
    advice = (
        "Small models rarely follow the format: read the number of answers without a verdict, or use by=probabilities."
    )

    model: Annotated[str, "folder or hub id of a causal language model"]
    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 16
    too_long: Annotated[
        Literal["error", "skip"], "a question that does not fit into the context: stop, or give no verdict"
    ] = "error"

    def __init__(self, model: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        named = name_model(model, settings)
        self._given = None if named else model, tokenizer
        super().__init__(**settings)

    def make_answerer(self) -> LocalAnswerer:
        """See `LLMJudge.make_answerer`."""
        model, tokenizer = self._given
        return LocalAnswerer(
            self.model if model is None else model,
            tokenizer,
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            batch_size=self.batch_size,
            skips=self.too_long == "skip",
        )
