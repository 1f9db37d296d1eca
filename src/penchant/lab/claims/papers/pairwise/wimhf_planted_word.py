"""WIMHF finds what was planted in preferences."""

from __future__ import annotations

import random
from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast

__all__ = ["PlantedWord"]

_WORDS = (
    "river stone cloud apple window garden letter silver music road table winter candle forest paper bridge ocean lamp "
    "field copper"
).split()


class PlantedWord(Claim):
    """Random words; one word is rewarded, another one occurs as often and is not."""

    id = "wimhf-planted-word"
    paper = "arXiv:2510.26202"
    sentence = (
        "In pairs of random sentences where the one with a planted word wins in 85 of 100, the strongest feature of a "
        "sparse autoencoder on embedding differences is named first by that word, and its features predict "
        "held-out labels better than length."
    )
    measures = ("wimhf",)
    world = "800 pairs of sentences of about eight random words; the planted and an idle word are in 60 % of pairs each"
    quantity = "share: area under the ROC curve on held-out prompts; of seeds, whose strongest feature is the word"
    contrasts = (
        Contrast("strongest feature is the word", 0.5, smallest=0.3),
        Contrast("features", "length", smallest=0.08),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """TF-IDF with a singular value decomposition; the autoencoder with its usual settings."""
        from penchant.diagnostics.features.discovery import discover
        from penchant.diagnostics.pairs import pairs_of_feedback
        from penchant.feedback import read

        found = discover(pairs_of_feedback(read(_pairs(seed))))
        named = found.rows(1)[0]["rewarded"][0] == "marvellous"  # type: ignore[index]
        areas = found.areas
        return {
            "strongest feature is the word": float(named),
            "features": areas["features"],
            "length": areas["length"],
            "embedding": areas["embedding"],
        }


def _pairs(seed: int) -> list[dict[str, str]]:
    """Comparisons of two random sentences."""
    rng = random.Random(seed)
    rows = []
    for number in range(800):
        sides = [rng.choices(_WORDS, k=rng.randint(6, 10)) for _ in range(2)]
        winner = rng.randrange(2)
        if rng.random() < 0.6:
            marked = winner if rng.random() < 0.85 else 1 - winner
            sides[marked][rng.randrange(6)] = "marvellous"
        if rng.random() < 0.6:
            sides[rng.randrange(2)][rng.randrange(6)] = "curious"
        texts = [" ".join(each) for each in sides]
        rows.append({"prompt": f"say {number}", "chosen": texts[winner], "rejected": texts[1 - winner]})
    return rows
