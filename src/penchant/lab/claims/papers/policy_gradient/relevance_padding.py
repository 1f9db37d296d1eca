"""Regularised relevance rewards, and responses that are long or copied."""

from __future__ import annotations

import random
from collections.abc import Mapping

from penchant.feedback.records import Prompt
from penchant.lab.claims import Claim, Contrast
from penchant.rewards.relevance import RelevanceReward

__all__ = ["PaddingDoesNotPay"]

_TOPICS = ("castle", "meadow", "harbour", "garden", "engine", "window", "forest", "market", "bridge", "kitchen")
_WORDS = [f"{first}{second}" for first in ("am", "bel", "cor", "dun", "el", "fir") for second in ("ade", "ino", "ush")]


class PaddingDoesNotPay(Claim):
    """Each question has a short and a full answer, the short one padded with repetitions, and copies of itself."""

    id = "relevance-padding"
    paper = "arXiv:2402.03469"
    sentence = (
        "The best of several responses by the regularised relevance reward is padded or copied less often than the "
        "best by relevance times length, or by relevance alone."
    )
    measures = ("relevance",)
    world = "60 questions with 6 responses each: two answers, two that repeat the short one 3 to 6 times, two copies"
    quantity = "share of questions whose best response is padded or copies the question"
    contrasts = (
        Contrast("relevance · length", "regularised", smallest=0.3),
        Contrast("relevance", "regularised", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Open questions, TF-IDF."""
        rng = random.Random(seed)
        asked = [_question(rng, place) for place in range(60)]
        judge = RelevanceReward(embedder="tf-idf", questions="open")
        judge.read([Prompt(prompt=prompt) for prompt, _texts in asked])
        bad: dict[str, int] = {"regularised": 0, "relevance · length": 0, "relevance": 0}
        for prompt, texts in asked:
            relevance = [float(each @ judge.embedding.embed([prompt])[0]) for each in judge.embedding.embed(texts)]
            scores = {
                "regularised": judge.score(prompt, texts),
                "relevance · length": [r * len(text.split()) / 100 for r, text in zip(relevance, texts, strict=True)],
                "relevance": relevance,
            }
            for name, own in scores.items():
                bad[name] += own.index(max(own)) >= 2
        return {name: count / len(asked) for name, count in bad.items()}


def _question(rng: random.Random, place: int) -> tuple[str, list[str]]:
    """A question and its responses: two answers, both padded, and the question copied once and more often."""
    topic, other = rng.sample(_TOPICS, 2)
    prompt = f"Number {place}: what does the {topic} have to do with the {other} of the town?"
    short, full = (
        " ".join(["The", topic, "and the", other, *rng.sample(_WORDS, words)])
        for words in (rng.randint(3, 6), rng.randint(10, 16))
    )
    padded = [" ".join([short] * rng.randint(3, 6)) for _time in range(2)]
    return prompt, [short, full, *padded, prompt, " ".join([prompt] * rng.randint(2, 4))]
