"""`RelevanceReward`, a judge without preferences: relevance to the question or to the right answer, regularised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from annotated_types import Ge

from penchant.errors import ConfigurationError
from penchant.feedback.records import Demonstration, Record, Text, as_text
from penchant.likelihood.inside.text_embeddings import Embedder, find_embedder
from penchant.rewards.judge import Judge
from penchant.rewards.relevance_terms import fresh_trigrams, open_reward, rescaled, trigrams
from penchant.rewards.said import said_of

__all__ = ["RelevanceReward"]


class RelevanceReward(Judge):
    """R³: how relevant a response is, times its length and the share of its trigrams that are new.

    open question:    R = r_x · LI · RP
    closed question:  R = F(r_y) · RP

    r_x and r_y are the inner products of the response's unit embedding with that of the prompt and of the right answer,
    LI = words / 100, RP = different trigrams / trigrams, and F brings r_y from [0, 1] to the range of the open reward
    over the right answers of the data. An empty response has 0.

    With ``discount_copied``, trigrams of the prompt are not new, so that a copy of the question has 0; the paper counts
    them. A question is closed if its record's field ``open_ended`` is false or, without this field, if its right answer
    is short; the right answer is the field ``reference`` or ``answer``, or the completion of a demonstration. That rule
    and F are our reading: the paper has a classifier, and does not state F.

    Reference:
        Kim et al. (2024), Rethinking the Role of Proxy Rewards in Language Model Alignment, arXiv:2402.03469.
    """

    id = "relevance"
    formula = "open question: r_x · LI · RP; closed question: F(r_y) · RP"
    span = "mostly 0 to 3, higher is better; 0 for an empty response"
    advice = "A floor against answers off the subject, repeated or empty; it does not know what is true."

    embedder: Annotated[
        str, "tf-idf-svd or tf-idf, fitted to the data, or the folder of a sentence-embedding model"
    ] = "tf-idf-svd"
    questions: Annotated[
        Literal["each", "open", "closed"], "which questions are closed: decided for each, none, or all"
    ] = "each"
    closed_below: Annotated[int, Ge(0), "words of a right answer, below which its question is closed"] = 20
    discount_copied: Annotated[bool, "trigrams of the prompt count as repeated"] = True

    def read(self, records: Iterable[Record]) -> None:
        """Read prompts, right answers and kinds of questions; embeddings of word statistics are fitted to all texts.

        Raises:
            ConfigurationError: the embedder cannot be used, or all questions are closed and one has no right answer.
        """
        self.answers: dict[str, str] = {}
        self.closed: set[str] = set()
        corpus: list[str] = []
        prompts: dict[str, str] = {}
        for record in records:
            key, answer = said_of(record.prompt), _answer(record)
            prompts[key] = _question(record.prompt)
            corpus += [prompts[key], *map(as_text, record.responses), *([answer] if answer else [])]
            if answer:
                self.answers[key] = answer
            if self._is_closed(record, answer):
                self.closed.add(key)
        self.embedding: Embedder = find_embedder(self.embedder, corpus)
        self.range = self._open_range([(prompts[key], answer) for key, answer in self.answers.items()])

    def _is_closed(self, record: Record, answer: str | None) -> bool:
        said = record.fields.get("open_ended")
        short = answer is not None and len(answer.split()) < self.closed_below
        wanted = {"open": False, "closed": True}.get(self.questions, not said if isinstance(said, bool) else short)
        if wanted and answer is None:
            raise ConfigurationError(
                "This question is closed, and its record has no right answer.",
                where=str(record.source),
                fix="Add the field reference, set open_ended to true, or judge with questions=open.",
            )
        return wanted

    def _open_range(self, pairs: Sequence[tuple[str, str]]) -> tuple[float, float]:
        """The range of the open reward over right answers; [0, 1] where there are none, or all are alike."""
        rewards = self._open(pairs)
        return (min(rewards), max(rewards)) if rewards and min(rewards) < max(rewards) else (0.0, 1.0)

    def _open(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        products = self._products(pairs)
        return [open_reward(r, text, self._copied(prompt)) for r, (prompt, text) in zip(products, pairs, strict=True)]

    def _products(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The inner products of the embeddings of two texts each."""
        if not pairs:
            return []
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        vectors = self.embedding.embed(texts)
        place = {text: at for at, text in enumerate(texts)}
        return [float(vectors[place[one]] @ vectors[place[two]]) for one, two in pairs]

    def _copied(self, prompt: str) -> list[tuple[str, ...]]:
        return trigrams(prompt) if self.discount_copied else []

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The regularised relevance of each response.

        Raises:
            ConfigurationError: no records were read.
        """
        return self.score_all([prompt], [responses])[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `score` and `Judge.score_all`."""
        if not hasattr(self, "embedding"):
            raise ConfigurationError("The judge relevance has read no records.", where="judge", fix="Call read first.")
        keys = [said_of(prompt) for prompt in prompts]
        against = [
            self.answers[key] if key in self.closed else _question(prompt)
            for key, prompt in zip(keys, prompts, strict=True)
        ]
        pairs = [(own, each) for own, several in zip(against, responses, strict=True) for each in several]
        products = iter(self._products(pairs))
        found = []
        for key, prompt, several in zip(keys, prompts, responses, strict=True):
            copied = self._copied(_question(prompt))
            found.append([self._reward(next(products), each, key in self.closed, copied) for each in several])
        return found

    def _reward(self, product: float, text: str, closed: bool, copied: Sequence[tuple[str, ...]]) -> float:
        if not text.strip():
            return 0.0
        if closed:
            return rescaled(product, (0.0, 1.0), self.range) * fresh_trigrams(text, copied)
        return open_reward(product, text, copied)


def _question(prompt: Text) -> str:
    """What is asked: a text, or the last turn of the user."""
    if isinstance(prompt, str):
        return prompt
    turns = [turn for turn in prompt if turn.get("role") == "user"] or prompt
    return as_text(turns[-1:])


def _answer(record: Record) -> str | None:
    given = record.fields.get("reference", record.fields.get("answer"))
    if given is None and isinstance(record, Demonstration):
        given = as_text(record.completion)
    return None if given is None or not str(given).strip() else str(given)
