"""What data reward: planted properties and features are found, and the order of responses does not matter."""

from __future__ import annotations

import random

import numpy as np
import pytest

from penchant.cli.app import main
from penchant.diagnostics.explanation import explain_data
from penchant.diagnostics.features.effects import controlled_effects, predicted_area
from penchant.diagnostics.novelty.contrast import contrast_scores, plausible
from penchant.diagnostics.pairs import pairs_of_feedback
from penchant.diagnostics.properties.coefficients import fit_by_folds, win_probability
from penchant.diagnostics.properties.factors import factor_score
from penchant.diagnostics.regression import laplace_logistic, logistic
from penchant.errors import DataError
from penchant.feedback import read

WORDS = "river stone cloud apple window garden letter silver music road".split()


def planted(count: int, share: float = 1.0) -> list[dict[str, str]]:
    """Pairs of random words in which the chosen response says "marvellous" in most records."""
    rng = random.Random(0)
    rows = []
    for number in range(count):
        plain, other = (" ".join(rng.choices(WORDS, k=8)) for _ in range(2))
        marked = f"marvellous {plain}"
        chosen, rejected = (marked, f"some {other}") if rng.random() < share else (f"some {other}", marked)
        rows.append({"prompt": f"say {number}", "chosen": chosen, "rejected": rejected})
    return rows


def test_the_planted_word_is_the_strongest_feature() -> None:
    found = explain_data(read(planted(300, share=0.9)))
    assert found.features is not None
    first = found.features.rows()[0]
    assert "marvellous" in first["rewarded"]  # type: ignore[operator]
    assert first["certain"]
    assert found.features.areas["features"] > 0.8


def test_the_order_of_records_does_not_decide_which_response_is_first() -> None:
    rows = planted(40)
    one, other = (pairs_of_feedback(read(each)) for each in (rows, rows[::-1]))
    assert {(each.first, each.label) for each in one.pairs} == {(each.first, each.label) for each in other.pairs}
    assert 0 < one.labels.mean() < 1


def test_swapping_the_responses_of_pairs_leaves_coefficients() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.choice([-1.0, 0.0, 1.0], size=(200, 4)), (rng.random(200) < 0.6).astype(float)
    turn = rng.choice([-1.0, 1.0], size=200)
    turned = np.where(turn > 0, labels, 1 - labels)
    assert np.allclose(fit_by_folds(features, labels), fit_by_folds(features * turn[:, None], turned), atol=1e-5)
    tau = [factor_score(features[:, 0] * sign, (2 * labels - 1) * sign) for sign in (1.0, turn)]
    assert tau[0] == pytest.approx(tau[1])


def test_a_factor_that_is_the_judgement_scores_one_and_its_opposite_minus_one() -> None:
    judged = np.random.default_rng(2).choice([-1.0, 1.0], size=30)
    found = [factor_score(each, judged) for each in (judged, -judged, 0 * judged)]
    assert found == [1.0, -1.0, 0.0]


def test_a_stronger_prior_shrinks_and_equal_comparisons_say_nothing() -> None:
    rng = np.random.default_rng(3)
    features = rng.choice([-1.0, 0.0, 1.0], size=(150, 3))
    labels = (rng.random(150) < win_probability(features, [1.0, -0.5, 0.0])).astype(float)
    sizes = [float(np.abs(fit_by_folds(features, labels, scale=each)).sum()) for each in (1.0, 0.1, 0.01, 1e-4)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] == 0
    assert win_probability(np.zeros((2, 3)), [1.0, -0.5, 0.3]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("classification", [True, False])
def test_exchanging_all_responses_leaves_the_effects_of_features(classification: bool) -> None:
    rng = np.random.default_rng(4)
    z, length = rng.normal(size=(120, 3)), rng.normal(size=120) * 20
    labels = (rng.random(120) < 1 / (1 + np.exp(-z[:, 0] - length / 40))).astype(float)
    one = controlled_effects(z, length, labels, classification=classification)
    other = controlled_effects(-z, -length, 1 - labels, classification=classification)
    assert np.allclose(one.coefficients, other.coefficients, atol=1e-6) and one.order == other.order
    chance = predicted_area(z[:60], rng.permutation(labels[:60]), z[60:], rng.permutation(labels[60:]))
    assert 0.3 < chance < 0.7  # labels that follow nothing are not predicted


def test_regressions_are_those_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(300, 3)), (rng.random(300) < 0.5).astype(float)
    ridge = linear_model.LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10).fit(features, labels).coef_[0]
    assert np.allclose(logistic(features, labels, ridge=2.0).coefficients, ridge, atol=1e-5)
    # Where the prior outweighs the data, the mode is exactly at 0.
    assert (laplace_logistic(features, labels, scale=1e-3) == 0).all()


@pytest.mark.parametrize("rows", [planted(1), planted(1) * 3])
def test_one_pair_explains_nothing(rows: list[dict[str, str]]) -> None:
    with pytest.raises(DataError, match="There is one pair"):
        explain_data(read(rows))


def test_responses_without_words_leave_the_properties() -> None:
    rows = [{"prompt": f"p{number}", "chosen": "!!!" + "!" * number, "rejected": "???"} for number in range(12)]
    found = explain_data(read(rows))
    assert found.features is None
    assert "no word" in found.notes[-1]


def test_equal_labels_have_no_effect() -> None:
    with pytest.raises(DataError, match="All labels are equal"):
        controlled_effects(np.ones((3, 1)), np.arange(3.0), np.ones(3))


def test_models_that_agree_have_no_contrast() -> None:
    import torch

    logits = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    assert contrast_scores(logits, logits + 3.0).abs().max() < 1e-5
    assert plausible(logits, 1.0).sum(-1).tolist() == [1] * 4


def test_diagnose_without_a_model_refuses_a_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--data", "pairs.jsonl", "--reference", "base"]) == 1
    assert "--reference is given without --model" in capsys.readouterr().err
