"""TOFU's metrics: probability, truth ratio, ROUGE, model utility and forget quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from penchant.errors import ConfigurationError, DataError

__all__ = [
    "Answers",
    "forget_quality",
    "harmonic_mean",
    "model_utility",
    "normalised_probability",
    "rouge_recall",
    "summary",
    "truth_ratio",
    "truth_ratios",
]

#: Keeps a quotient finite, as in published code.
TINY = 1e-10


@dataclass(frozen=True)
class Answers:
    """What a model says about the questions of one set.

    Args:
        gold: NLL per token of each right answer, nats.
        wrong: NLL per token of each wrong answer, one inner list per question.
        paraphrase: NLL per token of each right answer in other words; ``gold`` where there is none.
        rouge: ROUGE-L recall of each greedy answer, in [0, 1].
        perturbed: whether the probability is relative to the wrong answers (real authors, world facts).
    """

    gold: Sequence[float]
    wrong: Sequence[Sequence[float]] = ()
    paraphrase: Sequence[float] = ()
    rouge: Sequence[float] = field(default=())
    perturbed: bool = False

    def probability(self) -> float:
        """Mean probability per token of the right answers, in [0, 1]; higher knows more."""
        right = np.exp(-np.asarray(self.gold, dtype=float))
        if not self.perturbed:
            return float(right.mean())
        others = [np.exp(-np.asarray(each, dtype=float)).sum() for each in self.wrong]
        return float((right / (right + np.asarray(others))).mean())

    def ratios(self) -> np.ndarray:
        """The truth ratio of each question; see `truth_ratios`."""
        return truth_ratios(self.paraphrase or self.gold, self.wrong)


def truth_ratios(right: Sequence[float], wrong: Sequence[Sequence[float]]) -> np.ndarray:
    """How much likelier the right answer is than the wrong ones, for each question.

    t = exp(mean_j nll(wrong_j) − nll(right))

    The wrong answers are averaged as NLL, which is the geometric mean of their probabilities, as in published code; the
    paper writes an arithmetic mean.

    Args:
        right: NLL per token of the right answers, nats.
        wrong: NLL per token of the wrong answers of each question.

    Returns:
        One number per question, from 0; 1 where right and wrong are equally likely.

    Raises:
        DataError: a question has no wrong answer.

    Example:
        >>> truth_ratios([1.0], [[1.0, 1.0]]).tolist()
        [1.0]

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU, arXiv:2401.06121, section 2.2.
    """
    if len(right) != len(wrong) or any(not len(each) for each in wrong):
        raise DataError(
            "A truth ratio needs at least one wrong answer to every question.",
            fix="Give every record a list 'perturbed' of wrong answers.",
        )
    means = np.asarray([float(np.mean(each)) for each in wrong])
    return np.exp(means - np.asarray(right, dtype=float))


def truth_ratio(
    right: Sequence[float],
    wrong: Sequence[Sequence[float]],
    aggregator: Literal["closer_to_1_better", "true_better", "prob_mean"],
) -> np.ndarray:
    """Truth ratios as scores in [0, 1], in the three forms of open-unlearning.

    closer_to_1_better: min(q, 1/q),   true_better: max(0, 1 − q),   prob_mean: p / (p + p_wrong),   q = 1 / t

    Args:
        right: NLL per token of the right answers, nats.
        wrong: NLL per token of the wrong answers of each question.
        aggregator: ``closer_to_1_better`` of a forget set (1: right and wrong are equally likely), the others of a set
            that is kept (1: the right answer is certain).

    Returns:
        One number per question.

    Example:
        >>> truth_ratio([1.0], [[1.0]], "prob_mean").round(3).tolist()
        [0.5]
    """
    p = np.exp(-np.asarray(right, dtype=float))
    other = np.exp(-np.asarray([float(np.mean(each)) for each in wrong]))
    if aggregator == "prob_mean":
        return np.asarray(p / (p + other + TINY))
    inverse = other / (p + TINY)
    if aggregator == "closer_to_1_better":
        return np.asarray(np.minimum(inverse, 1 / (inverse + TINY)))
    if aggregator == "true_better":
        return np.asarray(np.maximum(0, 1 - inverse))
    raise ConfigurationError(
        f"There is no aggregator {aggregator!r}.", fix="Choose closer_to_1_better, true_better or prob_mean."
    )


def normalised_probability(right: Sequence[float], wrong: Sequence[Sequence[float]]) -> np.ndarray:
    """The share of the right answer among all answers, p / (p + Σ p_wrong), for each question; in [0, 1].

    Args:
        right: probability of each right answer.
        wrong: probabilities of the wrong answers of each question.

    Example:
        >>> normalised_probability([0.5], [[0.25, 0.25]]).round(3).tolist()
        [0.5]
    """
    p = np.asarray(right, dtype=float)
    return np.asarray(p / (p + np.asarray([float(np.sum(each)) for each in wrong]) + TINY))


def rouge_recall(
    generated: Sequence[str], reference: Sequence[str], use_stemmer: bool = True
) -> dict[str, list[float]]:
    """ROUGE of generated answers against reference answers.

    Args:
        generated: the answers.
        reference: what they are compared with.
        use_stemmer: compare stems of words of more than three letters.

    Returns:
        ``rouge1_recall``, ``rougeL_recall`` and ``rougeL_f1``, one number per answer, in [0, 1].

    Raises:
        ConfigurationError: the package rouge-score is not installed.

    Example:
        >>> rouge_recall(["the tea is hot"], ["the tea"])["rougeL_recall"]
        [1.0]

    Reference:
        Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries.
    """
    try:
        from rouge_score import rouge_scorer
    except ImportError:
        raise ConfigurationError(
            "ROUGE needs the package rouge-score.", fix="Install it: pip install 'penchant[evaluation]'."
        ) from None
    scorer = rouge_scorer.RougeScorer(["rouge1", "rougeL"], use_stemmer=use_stemmer)
    found = [scorer.score(wanted, said) for said, wanted in zip(generated, reference, strict=True)]
    return {
        "rouge1_recall": [float(each["rouge1"].recall) for each in found],
        "rougeL_recall": [float(each["rougeL"].recall) for each in found],
        "rougeL_f1": [float(each["rougeL"].fmeasure) for each in found],
    }


def harmonic_mean(values: Sequence[float]) -> float:
    """The harmonic mean; 0 if any value is 0.

    Example:
        >>> harmonic_mean([0.5, 1.0]), harmonic_mean([0.0, 1.0])
        (0.6666666666666666, 0.0)
    """
    if not values or any(value <= 0 for value in values):
        return 0.0
    return len(values) / math.fsum(1 / value for value in values)


def kept_scores(answers: Answers) -> tuple[float, float, float]:
    """Probability, ROUGE-L recall and truth ratio of a set that is kept, each in [0, 1] and higher is better."""
    return answers.probability(), float(np.mean(answers.rouge)), float(np.maximum(0, 1 - 1 / answers.ratios()).mean())


def model_utility(kept: Mapping[str, Answers]) -> float:
    """The harmonic mean of probability, ROUGE and truth ratio of every set that is kept; in [0, 1], higher is better.

    Args:
        kept: in TOFU the sets ``retain``, ``real_authors`` and ``world_facts``, nine numbers.

    Example:
        >>> one = Answers(gold=[0.0], wrong=[[50.0]], rouge=[1.0])
        >>> model_utility({"retain": one})
        1.0
    """
    return harmonic_mean([score for each in kept.values() for score in kept_scores(each)])


def forget_quality(unlearned: Answers, retrained: Answers) -> tuple[float, float]:
    """How alike the truth ratios on the forget set are to those of a model that never saw it.

    Args:
        unlearned: the model that was to forget.
        retrained: a model trained without the forget set.

    Returns:
        The p-value of the two-sided two-sample Kolmogorov-Smirnov test, in [0, 1] (1: cannot be told apart), and its
        statistic.

    Example:
        >>> same = Answers(gold=[1.0, 2.0], wrong=[[1.0], [3.0]])
        >>> forget_quality(same, same)
        (1.0, 0.0)
    """
    from scipy.stats import ks_2samp

    found = ks_2samp(unlearned.ratios(), retrained.ratios())
    return float(found.pvalue), float(found.statistic)


#: The sets of TOFU with their names in its tables.
SETS = {"real_authors": "Real Authors", "world_facts": "Real World", "retain": "Retain", "forget": "Forget"}


def summary(sets: Mapping[str, Answers], retrained: Answers | None = None) -> dict[str, float]:
    """TOFU's table: probability, ROUGE and truth ratio of each set, model utility and forget quality.

    Args:
        sets: by name, of `SETS`.
        retrained: the forget set under a model that never saw it, for the forget quality.

    Returns:
        Numbers by their names in TOFU's tables. Every score is in [0, 1]. Of the forget set, probability and ROUGE are
        lower and the truth ratio is higher the more is forgotten; of all others, higher is better.
    """
    found: dict[str, float] = {}
    for name, title in SETS.items():
        if name not in sets:
            continue
        answers = sets[name]
        if name == "forget":
            ratios = answers.ratios()
            truth = float(np.minimum(ratios, 1 / ratios).mean())
            scores = (answers.probability(), float(np.mean(answers.rouge)), truth)
        else:
            scores = kept_scores(answers)
        found[f"Prob. {title}"], found[f"ROUGE {title}"], found[f"Truth Ratio {title}"] = scores
    found["Model Utility"] = model_utility({name: each for name, each in sets.items() if name != "forget"})
    if retrained is not None:
        found["Forget Quality"], found["KS statistic"] = forget_quality(sets["forget"], retrained)
    return found
