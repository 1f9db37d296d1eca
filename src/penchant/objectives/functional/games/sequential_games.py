"""Counterfactual regret minimisation in small sequential games of two players, written as trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.games.regret_matching import regret_matching

__all__ = ["Chance", "Decision", "End", "Game", "expected_gain", "game_exploitability", "solve_game"]


@dataclass(frozen=True)
class End:
    """The end of a game.

    Args:
        gain: of the first player, who moves at decisions of player 0; the second loses as much.
    """

    gain: float


@dataclass(frozen=True)
class Chance:
    """A draw by nature.

    Args:
        chances: [A] probability of each branch.
        branches: A games that go on.
    """

    chances: tuple[float, ...]
    branches: tuple[Game, ...]


@dataclass(frozen=True)
class Decision:
    """A choice of a player.

    Args:
        player: 0 or 1.
        known: what the player knows; decisions with the same are one information set and have one strategy.
        branches: A games that go on, one an action.
    """

    player: int
    known: str
    branches: tuple[Game, ...]


#: A game from some point on.
Game = End | Chance | Decision

#: The probability of each action by what the player knows.
Strategies = Mapping[str, Tensor]


@dataclass
class _Learned:
    """Regrets and summed strategies of an information set, of A actions."""

    player: int
    regrets: Tensor
    summed: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.summed = torch.zeros_like(self.regrets)

    @property
    def average(self) -> Tensor:
        total = self.summed.sum()
        return self.summed / total if total > 0 else torch.full_like(self.summed, 1 / len(self.summed))


def _decisions(game: Game) -> Iterator[Decision]:
    if isinstance(game, Decision):
        yield game
    for branch in () if isinstance(game, End) else game.branches:
        yield from _decisions(branch)


def _information_sets(game: Game) -> dict[str, _Learned]:
    """The information sets of a game by what is known in them.

    Raises:
        ConfigurationError: decisions of one set have another player, or another number of actions.
    """
    found: dict[str, _Learned] = {}
    for each in _decisions(game):
        own = found.setdefault(each.known, _Learned(each.player, torch.zeros(len(each.branches), dtype=torch.float64)))
        if own.player != each.player or len(own.regrets) != len(each.branches) or each.player not in (0, 1):
            raise ConfigurationError(
                f"Player {each.player} chooses among {len(each.branches)} actions where {each.known!r} is known, and "
                f"player {own.player} among {len(own.regrets)}.",
                where="game",
                fix="Give every information set one player, 0 or 1, and one number of actions.",
            )
    return found


def solve_game(game: Game, rounds: int = 1000) -> dict[str, Tensor]:
    """The average strategies of counterfactual regret minimisation.

    R(I, a) += ρ_{−i}(h) (v_i(h·a) − Σ_b σ(I, b) v_i(h·b)) over the histories h of I;   σ from `regret_matching`

    ρ_{−i} is the probability that nature and the other player lead to h, v_i the player's expected gain from there. The
    players learn in turn, regrets stay at or above 0, and later strategies weigh more.

    Args:
        game: its tree.
        rounds: walks through the tree for each player.

    Returns:
        By what is known, [A] probabilities, float64.

    Raises:
        ConfigurationError: an information set has two players or two numbers of actions, or chances are not of sum 1.

    Example:
        >>> def second(row):  # matching pennies: the second player does not see what the first has chosen
        ...     return Decision(1, "second", tuple(map(End, row)))
        >>> pennies = Decision(0, "first", (second((1.0, -1.0)), second((-1.0, 1.0))))
        >>> solve_game(pennies)["second"]
        tensor([0.5000, 0.5000], dtype=torch.float64)

    Reference:
        Zinkevich et al. (2007), Regret Minimization in Games with Incomplete Information; Tammelin (2014), Solving
        Large Imperfect Information Games Using CFR+.
    """
    _check_chances(game)
    learned = _information_sets(game)
    for time in range(1, rounds + 1):
        for player in (0, 1):
            current = {known: regret_matching(each.regrets) for known, each in learned.items()}
            _walk(game, player, current, learned, (1.0, 1.0), time)
            for each in learned.values():
                each.regrets.clamp_(min=0)
    return {known: each.average for known, each in learned.items()}


def _check_chances(game: Game) -> None:
    if isinstance(game, Chance) and (
        len(game.chances) != len(game.branches) or min(game.chances) < 0 or abs(sum(game.chances) - 1) > 1e-6
    ):
        raise ConfigurationError(
            f"Nature draws {len(game.branches)} branches with the chances {game.chances}.",
            where="game",
            fix="Give one chance for each branch; their sum is 1.",
        )
    for branch in () if isinstance(game, End) else game.branches:
        _check_chances(branch)


def _walk(
    game: Game,
    player: int,
    current: Strategies,
    learned: Mapping[str, _Learned],
    reach: tuple[float, float],
    weight: int,
) -> float:
    """The gain of ``player`` from here on; ``reach``: how far the player, and all others, lead here."""
    own, others = reach
    if isinstance(game, End):
        return game.gain if player == 0 else -game.gain
    if isinstance(game, Chance):
        drawn = zip(game.chances, game.branches, strict=True)
        return sum(
            chance * _walk(each, player, current, learned, (own, others * chance), weight) for chance, each in drawn
        )
    strategy = current[game.known]
    acts = game.player == player
    gains = torch.tensor(
        [
            _walk(
                each,
                player,
                current,
                learned,
                (own * chance, others) if acts else (own, others * chance),
                weight,
            )
            for chance, each in zip(strategy.tolist(), game.branches, strict=True)
        ],
        dtype=torch.float64,
    )
    value = float(strategy @ gains)
    if acts:
        kept = learned[game.known]
        kept.regrets += others * (gains - value)
        kept.summed += weight * own * strategy
    return value


def expected_gain(game: Game, strategies: Strategies) -> float:
    """What the first player gains if both play given strategies.

    Args:
        game: its tree.
        strategies: by what is known, [A] probabilities.

    Example:
        >>> expected_gain(Decision(0, "first", (End(1.0), End(-1.0))), {"first": torch.tensor([0.75, 0.25])})
        0.5
    """
    if isinstance(game, End):
        return game.gain
    chances: Sequence[float] = game.chances if isinstance(game, Chance) else strategies[game.known].tolist()
    return sum(chance * expected_gain(each, strategies) for chance, each in zip(chances, game.branches, strict=True))


def game_exploitability(game: Game, strategies: Strategies) -> float:
    """What best replies gain against given strategies, summed over both players and halved.

    (max_a u_0(a, σ_1) + max_b u_1(σ_0, b)) / 2

    Args:
        game: its tree.
        strategies: by what is known, [A] probabilities.

    Returns:
        At least 0, in units of gain; 0 at an equilibrium alone.

    Example:
        >>> one_sided = Decision(0, "first", (End(1.0), End(-1.0)))
        >>> game_exploitability(one_sided, {"first": torch.tensor([0.5, 0.5])})
        0.5
    """
    return sum(_best_reply(game, strategies, player) for player in (0, 1)) / 2


def _best_reply(game: Game, strategies: Strategies, player: int) -> float:
    """The gain of a player who replies best. Deepest information sets choose first, by their histories together."""
    replies = dict(strategies)
    depths: dict[str, int] = {}
    histories: dict[str, list[tuple[float, Decision]]] = {}

    def gather(at: Game, others: float, depth: int) -> None:
        if isinstance(at, End):
            return
        if isinstance(at, Chance):
            chances: Sequence[float] = at.chances
        elif at.player == player:
            histories.setdefault(at.known, []).append((others, at))
            depths[at.known] = max(depths.get(at.known, 0), depth)
            chances = (1.0,) * len(at.branches)
        else:
            chances = strategies[at.known].tolist()
        for chance, each in zip(chances, at.branches, strict=True):
            gather(each, others * chance, depth + 1)

    gather(game, 1.0, 0)
    sign = 1 if player == 0 else -1
    for known in sorted(histories, key=lambda each: -depths[each]):
        gains = [
            sum(others * sign * expected_gain(at.branches[place], replies) for others, at in histories[known])
            for place in range(len(histories[known][0][1].branches))
        ]
        best = max(range(len(gains)), key=gains.__getitem__)
        replies[known] = torch.eye(len(gains), dtype=torch.float64)[best]
    return sign * expected_gain(game, replies)
