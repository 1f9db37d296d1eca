"""Labels of comparisons by the votes of several judges, each asked several times in random order."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from penchant.curation.few_shot import shown_before
from penchant.feedback.records import Comparison, as_text
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared

__all__ = ["Annotators", "preferred_by"]


def preferred_by(judge: Judge, pair: Comparison, *, swapped: bool = False) -> float:
    """The probability that a judge prefers the chosen response; NaN if it cannot say.

    Args:
        judge: compares both responses.
        pair: the comparison.
        swapped: show the rejected response first.

    Raises:
        PenchantError: the judge fails, or gives no probability.
    """
    first, second = (pair.rejected, pair.chosen) if swapped else (pair.chosen, pair.rejected)
    given = float(compared(judge, pair, [as_text(first), as_text(second)])[0, 1])
    return 1 - given if swapped else given


@dataclass(frozen=True)
class Annotators:
    """Judges that vote: each answers several times, and its majority is one vote.

    Args:
        judges: the judges.
        repeats: how often each is asked, with a random order of the responses.
        seed: of the orders.
    """

    judges: Sequence[Judge]
    repeats: int = 1
    seed: int = 0

    def vote(self, pair: Comparison, shots: Sequence[Comparison] = ()) -> int:
        """The votes for the label of a comparison less those against it.

        Args:
            pair: the comparison.
            shots: verified comparisons that the prompt shows before it.

        Returns:
            Above 0 if most judges prefer the chosen response, below 0 if most prefer the other, 0 for a tie. A judge
            that is not of one mind, or cannot say, has no vote.

        Raises:
            PenchantError: a judge fails.
        """
        asked = replace(pair, prompt=shown_before(shots, pair.prompt)) if shots else pair
        # The orders of one comparison do not depend on what else is in the file.
        rng = random.Random(f"{self.seed} {pair.prompt} {pair.chosen}")
        return sum(self._one(judge, asked, rng) for judge in self.judges)

    def _one(self, judge: Judge, pair: Comparison, rng: random.Random) -> int:
        """+1, −1 or 0: the majority of the answers of one judge."""
        answers = [preferred_by(judge, pair, swapped=rng.random() < 0.5) for _ in range(self.repeats)]
        return _sign(sum(_sign(each - 0.5) for each in answers))


def _sign(number: float) -> int:
    return 0 if math.isnan(number) or number == 0 else 1 if number > 0 else -1
