"""Pairings of games: win rates against rivals, duels, and a tournament."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.online.opponents import POLICY
from penchant.online.pairing import Beats, Chosen, Pairing
from penchant.online.rollouts import Rollout
from penchant.online.tournament import knock_out

__all__ = ["Duel", "Tournament", "WinRate"]

#: Fields of a pair that follow from who beats whom.
WON = ("chosen_win_rate", "rejected_win_rate", "preference_probability")
#: Fields of a pair that say who wrote its responses.
WHOSE = ("chosen_from_reference", "rejected_from_reference")


def places_of(rollout: Rollout, own: bool) -> list[int]:
    """The indices of the policy's responses, or of those of its opponent."""
    return [place for place, by in enumerate(rollout.writers) if (by == POLICY) == own]


def rate_against(rollout: Rollout, place: int, rivals: Sequence[int]) -> float:
    """The mean probability that a response beats its rivals, itself left out; ½ without rivals, NaN if not compared."""
    chances = [rollout.probabilities[place][rival] for rival in rivals if rival != place]
    return sum(chances) / len(chances) if chances else 0.5


def pair_of(rollout: Rollout, chosen: int, rejected: int, rivals: Sequence[int]) -> Chosen:
    """A pair with its scores, its win rates against rivals, and who wrote its responses."""
    fields: dict[str, Any] = {
        "margin": rollout.scores[chosen] - rollout.scores[rejected],
        "preference_probability": rollout.probabilities[chosen][rejected],
    }
    for side, place in (("chosen", chosen), ("rejected", rejected)):
        fields[f"{side}_score"] = rollout.scores[place]
        fields[f"{side}_win_rate"] = rate_against(rollout, place, rivals)
        fields[f"{side}_from_reference"] = float(rollout.writers[place] != POLICY)
    return rollout, {"chosen": [rollout.sequence(chosen)], "rejected": [rollout.sequence(rejected)]}, fields


class _Compared(Pairing):
    """Base class: pairs that the judge's comparisons order."""

    views = ("chosen", "rejected")
    fields: ClassVar[tuple[str, ...]] = ("margin", "chosen_score", "rejected_score", *WON, *WHOSE)
    compares: ClassVar[bool] = True


class Duel(_Compared):
    """Every two responses that meet, the one that wins more often as chosen, with win rates against rivals."""

    id = "duel"

    between: Annotated[
        Literal["policy", "opponent", "across"], "who meets: two of the policy, two of the opponent, or one of each"
    ] = "policy"
    rivals: Annotated[
        Literal["policy", "opponent", "all"], "whose responses win rates are against; a response is not its own rival"
    ] = "policy"
    ties: Annotated[bool, "keep pairs of which neither wins, the first as chosen"] = False

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """The pairs of each prompt in the order of its responses."""
        for rollout in rollouts:
            own, others = places_of(rollout, True), places_of(rollout, False)
            rivals = {"policy": own, "opponent": others, "all": own + others}[self.rivals]
            members = own if self.between == "policy" else others
            pairs = [(first, second) for first in members for second in members if first < second]
            if self.between == "across":
                pairs = [(first, second) for first in own for second in others]
            for first, second in pairs:
                chance = rollout.probabilities[first][second]
                if math.isnan(chance) or (chance == 0.5 and not self.ties):
                    continue
                chosen, rejected = (first, second) if chance >= 0.5 else (second, first)
                yield pair_of(rollout, chosen, rejected, rivals)


class Tournament(_Compared):
    """The best against the worst of a knock-out tournament with a losers' bracket: eleven comparisons for eight."""

    id = "tournament"
    fields = ("margin", "chosen_score", "rejected_score", "preference_probability", *WHOSE)
    needs_two = True

    def ask(self, count: int, beats: Beats) -> list[tuple[float, ...]]:
        """The comparisons of the tournament alone; the others are NaN."""
        table = [[0.5 if first == second else math.nan for second in range(count)] for first in range(count)]
        bracket = knock_out(count, beats)
        for (first, second), chance in ({} if bracket is None else bracket.played).items():
            table[first][second], table[second][first] = chance, 1 - chance
        return [tuple(row) for row in table]

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One pair for each prompt; none where the best does not beat the worst."""
        for rollout in rollouts:
            bracket = knock_out(len(rollout.responses), lambda i, j, held=rollout.probabilities: held[i][j])  # type: ignore[misc]
            if bracket is not None and rollout.probabilities[bracket.best][bracket.worst] > 0.5:
                yield pair_of(rollout, bracket.best, bracket.worst, ())


class WinRate(Pairing):
    """The policy's samples of a prompt with their win rates as rewards, against one another or against the opponent."""

    id = "win_rate"
    views = ("responses",)
    fields = ("advantage", "scores", "old_policy")
    compares = True

    rivals: Annotated[Literal["policy", "opponent"], "whose responses each sample is compared with"] = "policy"
    baseline: Annotated[
        Literal["half", "others"], "subtracted from the win rate: ½, or the mean win rate of the prompt's other samples"
    ] = "half"
    scale: Annotated[float, Ge(0), "factor of the advantage"] = 1.0

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each prompt."""
        for rollout in rollouts:
            own = places_of(rollout, True)
            rivals = own if self.rivals == "policy" else places_of(rollout, False)
            rates = torch.tensor([rate_against(rollout, place, rivals) for place in own], dtype=torch.float64)
            lead = self.scale * self._lead(rates)
            fields: dict[str, Any] = {"advantage": lead.nan_to_num(0.0).tolist(), "scores": rates.tolist()}
            if rollout.old_logps:
                fields["old_policy"] = [list(rollout.old_logps[place]) for place in own]
            yield rollout, {"responses": [rollout.sequence(place) for place in own]}, fields

    def _lead(self, rates: Tensor) -> Tensor:
        if self.baseline == "half" or len(rates) < 2:
            return rates - 0.5
        return rates - (rates.sum() - rates) / (len(rates) - 1)
