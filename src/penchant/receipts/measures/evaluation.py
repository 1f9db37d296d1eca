"""Published cases of leaderboards, win rates, ranking accuracy and agreement of raters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from penchant.errors import ConfigurationError
from penchant.evaluation.agreement.kappas import cohen_kappa, equal_votes, fleiss_kappa
from penchant.evaluation.agreement.krippendorff import krippendorff_alpha
from penchant.evaluation.judges.reward_bench import section_scores, ties_score
from penchant.evaluation.leaderboards.bradley_terry import ALPHA, Games, fit, loss_and_gradient, summed_loss
from penchant.evaluation.leaderboards.elo import elo_ratings
from penchant.evaluation.leaderboards.verdicts import arena_scores
from penchant.evaluation.wins.length_controlled import Regularising, length_controlled
from penchant.evaluation.wins.win_rate import win_rate
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = [
    "arena_hard",
    "bradley_terry",
    "cohen",
    "elo",
    "fleiss",
    "judge_agreement",
    "krippendorff",
    "lc_win_rate",
    "reward_bench",
    "style_control",
    "wins",
]

OUTCOMES = {"model_a": 1.0, "model_b": 0.0}


@adapter("elo")
def elo(case: Case) -> dict[str, Any]:
    """Elo ratings in the order of the battles."""
    names, games = _of_battles(case.inputs["battles"])
    own = {"k": "k", "base": "base", "scale": "scale", "init_rating": "initial"}
    found = elo_ratings(games, **{own[name]: each for name, each in case.params.items() if name in own})[0]
    return {"ratings": dict(zip(names, found.tolist(), strict=True))}


@adapter("bradley-terry-ranking")
def bradley_terry(case: Case) -> dict[str, Any]:
    """Ratings of battles, or the loss at given ratings or logits, or the fit of a design."""
    inputs, params = case.inputs, case.params
    if "battles" in inputs:
        names, games = _of_battles(inputs["battles"])
        found = fit(games, alpha=math.log(params.get("base", 10.0)))
        points = params.get("scale", 400.0) * found + params.get("init_rating", 1000.0)
        return {"ratings": dict(zip(names, points.tolist(), strict=True))}
    outcomes = np.asarray(inputs["outcomes"], float)
    if "theta" in inputs:
        weights = np.asarray(inputs.get("weights", np.ones(len(outcomes))), float)
        games = _games(inputs["matchups"], outcomes, len(inputs["theta"]), weights=weights)
        loss, gradient = loss_and_gradient(np.asarray(inputs["theta"], float), games, alpha=params.get("alpha", ALPHA))
        return {"loss": loss, "grad": gradient.tolist()}
    if "design" in inputs:
        return _of_design(inputs["design"], outcomes, params)
    logits = np.asarray(inputs["logits"], float)
    return {"loss": summed_loss(logits, outcomes), "grad": (1 / (1 + np.exp(-logits)) - outcomes).tolist()}


def _of_design(design: Sequence[Sequence[float]], outcomes: np.ndarray, params: Any) -> dict[str, Any]:
    """Coefficients after the published optimiser's own steps, which start at ½ and need not end at the optimum."""
    rows, target = torch.tensor(design, dtype=torch.float64), torch.tensor(outcomes)
    coefficients = torch.full((rows.shape[1],), 0.5, dtype=torch.float64, requires_grad=True)
    steps, rate, tolerance = params.get("max_iter", 50), params.get("lr", 1.0), params.get("tol", 1e-9)
    optimizer = torch.optim.LBFGS(
        [coefficients], lr=rate, max_iter=steps, tolerance_grad=tolerance, tolerance_change=tolerance
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        total = torch.nn.functional.binary_cross_entropy_with_logits(rows @ coefficients, target, reduction="sum")
        total.backward()
        return total

    optimizer.step(loss)  # type: ignore[arg-type]
    found = coefficients.detach()
    at = summed_loss((rows @ found).numpy(), outcomes)
    return {"coefficients": found.tolist(), "differences_to_first": (found - found[0]).tolist(), "loss": at}


@adapter("style-controlled-bradley-terry")
def style_control(case: Case) -> dict[str, Any]:
    """The loss at given parameters, or the parameters of least loss."""
    inputs, alpha, ridge = case.inputs, case.params.get("alpha", ALPHA), case.params.get("reg", 0.5)
    outcomes, style = np.asarray(inputs["outcomes"], float), np.asarray(inputs["features"], float)
    models = inputs["n_models"] if "n_models" in inputs else len(inputs["models"])
    games = _games(inputs["matchups"], outcomes, models, style=style)
    if "params" in inputs:
        loss, gradient = loss_and_gradient(np.asarray(inputs["params"], float), games, alpha=alpha, ridge=ridge)
        return {"loss": loss, "grad": gradient.tolist()}
    found = fit(games, alpha=alpha, ridge=ridge)
    return {"params": found.tolist(), "loss": loss_and_gradient(found, games, alpha=alpha, ridge=ridge)[0]}


@adapter("arena-hard-scores")
def arena_hard(case: Case) -> dict[str, Any]:
    """Scores of verdicts, and their mean."""
    scores = arena_scores(case.inputs["games"], case.params.get("weight", 3))
    return {"scores": scores, "mean": sum(scores) / len(scores)}


@adapter("win-rate")
def wins(case: Case) -> dict[str, Any]:
    """The win rate of preferences from 1 (baseline) to 2 (model); 0 is a draw."""
    given = case.inputs["preferences"]
    found = win_rate(_unit(given), resamples=1)
    # The discrete rate rounds to even, as published: 1.5 is a draw before it is rounded.
    rounded = win_rate([0.5 if each in (0, 1.5) else round(each) - 1.0 for each in given], resamples=1)
    return {
        "win_rate": found.rate,
        "standard_error": found.standard_error,
        "n_wins": found.wins,
        "n_wins_base": found.losses,
        "n_draws": found.draws,
        "n_total": found.total,
        "discrete_win_rate": rounded.rate,
    }


@adapter("length-controlled-win-rate")
def lc_win_rate(case: Case) -> dict[str, Any]:
    """The length-controlled win rate and the weights of its formula."""
    inputs, params = case.inputs, case.params
    formula = params.get(
        "formula", "np.tanh(std_delta_len) + instruction_difficulty + not_gamed_baseline.astype(float) - 1"
    )
    terms = [term.strip() for term in formula.removesuffix("- 1").split("+")]
    by_difficulty = "instruction_difficulty" in terms
    if params.get("fit_intercept") or params.get("penalty", "l1") != "l1":
        raise ConfigurationError("The fit has no intercept and an L1 penalty.", where="params")
    gamed, weight = inputs.get("gamed_rows"), params.get("regularise_lambda")
    versions = None
    if gamed is not None and weight:
        own, length, hard = (gamed[name] for name in ("preference", "std_delta_len", "instruction_difficulty"))
        versions = Regularising(own, length, hard, weight)
    found = length_controlled(
        _unit(inputs["preference"]),
        inputs["len_baseline"],
        inputs["len_model"],
        inputs["instruction_difficulty"] if by_difficulty else None,
        regularising=versions,
        folds=params.get("n_splits", 5),
        penalty=params.get("C", 100),
        seed=params.get("random_state", 123),
    )
    weights = [found.length, *([found.difficulty] if by_difficulty else []), found.strength]
    return {
        "weights": dict(zip(terms, weights, strict=True)),
        "length_controlled_winrate": found.rate,
        "lc_standard_error": found.standard_error,
        "raw_winrate": found.raw,
        "chosen_C": found.penalty,
    }


@adapter("reward-bench")
def reward_bench(case: Case) -> dict[str, Any]:
    """The sections of version 1, or the score of the ties of version 2."""
    inputs = case.inputs
    if "samples" in inputs:
        score, accurate = ties_score(inputs["samples"])
        return {"overall_score": score, "results": accurate}
    return {"section_scores": section_scores(inputs["subset_accuracy"], inputs["subset_counts"], inputs["sections"])}


@adapter("krippendorff-alpha")
def krippendorff(case: Case) -> dict[str, Any]:
    """Krippendorff's α of a table of raters and items, null where a rating is missing."""
    if "units" in case.inputs:
        units = case.inputs["units"]
    else:
        units = [[each for each in item if each is not None] for item in zip(*case.inputs["ratings"], strict=True)]
    return {"alpha": krippendorff_alpha(units, case.params.get("level", "nominal"))}


@adapter("cohen-kappa")
def cohen(case: Case) -> dict[str, Any]:
    """Cohen's κ."""
    return {"kappa": cohen_kappa(case.inputs["rater_1"], case.inputs["rater_2"], case.params.get("weights"))}


@adapter("fleiss-kappa")
def fleiss(case: Case) -> dict[str, Any]:
    """Fleiss' κ."""
    return {"kappa": fleiss_kappa(case.inputs["counts"])}


@adapter("judge-agreement")
def judge_agreement(case: Case) -> dict[str, Any]:
    """Equal votes of two judges, or of the people among themselves."""
    first, second = case.params["judges"]
    equal, total = equal_votes(case.inputs["votes"], first, second, case.params.get("ban", ()))
    return {"agree": equal, "total": total}


def _unit(preferences: Sequence[float]) -> list[float]:
    return [(1.5 if each == 0 else each) - 1.0 for each in preferences]


def _of_battles(battles: Sequence[Sequence[str]]) -> tuple[list[str], Games]:
    names = list(dict.fromkeys(name for column in (0, 1) for name in (battle[column] for battle in battles)))
    place = {name: number for number, name in enumerate(names)}
    matchups = [[place[battle[0]], place[battle[1]]] for battle in battles]
    return names, _games(matchups, np.array([OUTCOMES.get(battle[2], 0.5) for battle in battles]), len(names))


def _games(
    matchups: Any, outcomes: np.ndarray, models: int, weights: np.ndarray | None = None, style: np.ndarray | None = None
) -> Games:
    pairs = np.asarray(matchups, dtype=np.int64).reshape(-1, 2)
    weights = np.ones(len(pairs)) if weights is None else weights
    return Games(
        pairs[:, 0], pairs[:, 1], outcomes, weights, models, np.zeros((len(pairs), 0)) if style is None else style
    )
