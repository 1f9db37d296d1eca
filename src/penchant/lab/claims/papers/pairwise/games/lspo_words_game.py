"""LSPO on rock, paper, scissors, Spock and lizard in words: the latent space widens until no reply gains."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.words_game.experiment import Throws, play

__all__ = ["WideningEndsExploitation"]

_BOUND = 0.01


class WideningEndsExploitation(Claim):
    """The recipe ``lspo`` on a tiny model that throws in words, with and without widening."""

    id = "lspo-words-game"
    paper = "arXiv:2502.04686"
    sentence = (
        "In rock, paper, scissors, Spock, lizard in words, where the model seldom says the last two, LSPO starts from "
        "three latent actions and falls below an exploitability of 0.01 after its third widening; one round without "
        "widening, and four of them, stay above 0.2."
    )
    measures = ("lspo",)
    world = "words game: twenty utterances of five actions, eight prompts, 64 samples each; a tiny Llama"
    quantity = "exploitability of the solved game, played in the words of the policy, in wins a throw (exact)"
    contrasts = (
        Contrast("bound of 0.01", "third widening", smallest=0.001),
        Contrast("one round", 0.2, smallest=0.03),
        Contrast("four rounds without widening", 0.2, smallest=0.03),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "After the second widening there are five latent actions, and the exploitability is already 0; a sixth splits "
        "one of them. What the policy says by itself, without the solved game, can be exploited throughout."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Four rounds, at most eight pairs a prompt; at five times the rate the policy lost words (tuning seeds)."""
        wide, narrow = _rounds(seed, 1), _rounds(seed, 0)
        return {
            "bound of 0.01": _BOUND,
            "one round": wide[0].exploitability,
            "second widening": wide[2].exploitability,
            "third widening": wide[3].exploitability,
            "four rounds without widening": narrow[3].exploitability,
            "own words": wide[3].own,
        }


def _rounds(seed: int, widening: int) -> list[Throws]:
    with tempfile.TemporaryDirectory() as place:
        return play(Path(place), widening=widening, seed=seed).throws
