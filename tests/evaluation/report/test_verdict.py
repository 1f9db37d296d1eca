"""The verdict says what the figures say: no gain within the noise, no fall unnoticed, ties as half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penchant.evaluation.report.before_after import before_after
from penchant.evaluation.report.run_folder import RunFolder
from penchant.evaluation.report.verdict import Verdict, verdict


def judged(before: dict[str, float], after: dict[str, float], **summary: Any) -> Verdict:
    run = RunFolder(Path("run"), summary={"before": before, "after": after, **summary})
    return verdict(run, before_after(run))


@pytest.mark.parametrize(
    ("before", "after", "interval", "tone", "phrase"),
    [
        ({"true_reward": 0.1}, {"true_reward": 0.9}, [0.7, 1.1], "good", "rose from 0.100 to 0.900"),
        ({"true_reward": 0.1}, {"true_reward": 0.2}, [0.0, 0.4], "caution", "contains 0.100, so this may be chance"),
        ({"true_reward": 0.9}, {"true_reward": 0.1}, [0.0, 0.2], "bad", "fell from 0.900 to 0.100"),
        ({"true_reward": 0.9}, {"true_reward": 0.9}, None, "caution", "stayed at 0.900"),
        ({}, {"win_rate": 0.7}, [0.62, 0.78], "good", "wins 70.0 % of comparisons (95 % interval 62.0 to 78.0 %)"),
        ({}, {"win_rate": 0.53}, [0.45, 0.61], "caution", "contains 50.0 %, so this may be chance"),
        ({}, {"win_rate": 0.3}, [0.2, 0.4], "bad", "wins 30.0 %"),
        ({}, {}, None, "unknown", "it is unknown"),
    ],
)
def test_the_tone_follows_the_figures(
    before: dict[str, float], after: dict[str, float], interval: list[float] | None, tone: str, phrase: str
) -> None:
    told = judged(before, after, intervals={key: interval for key in after})
    assert told.tone == tone
    assert phrase in " ".join(told.sentences)


def test_stronger_evidence_decides() -> None:
    told = judged(
        {"true_reward": 0.5, "rewards/margin": 0.0}, {"true_reward": 0.2, "rewards/margin": 3.0, "win_rate": 0.6}
    )
    assert told.tone == "bad"


@pytest.mark.parametrize("before", [{"rewards/accuracy": 0.5, "rewards/ties": 1.0}, {}])
def test_an_accuracy_below_one_half_is_no_gain(before: dict[str, float]) -> None:
    told = judged(before, {"rewards/accuracy": 0.4, "rewards/ties": 0.0})
    assert told.tone == "bad" and "fell from 50.0 %" in " ".join(told.sentences)


@pytest.mark.parametrize(
    ("chosen", "rejected", "phrase", "falls"),
    [
        (-90.0, -130.0, "The margin grew because rejected responses fell further", True),
        (-90.0, -85.0, "chosen responses became less likely", True),
        (-70.0, -95.0, "became more likely (log-probability +10.00", False),
        (-80.1, -95.0, "hardly moved", False),
    ],
)
def test_displacement_is_told(chosen: float, rejected: float, phrase: str, falls: bool) -> None:
    told = judged(
        {"logps/chosen": -80.0, "logps/rejected": -85.0, "rewards/margin": 0.0},
        {"logps/chosen": chosen, "logps/rejected": rejected, "rewards/margin": 1.0},
    )
    assert phrase in " ".join(told.sentences)
    assert any(sentence.startswith("Likelihood displacement") for sentence in told.sentences) == falls
    assert told.tone == ("caution" if falls else "good")


def test_distance_from_the_reference_is_told_in_nats() -> None:
    assert "KL divergence from the reference is 6.23 nats" in " ".join(judged({"kl": 0.0}, {"kl": 6.234}).sentences)
    assert "nats, which is large" in " ".join(judged({"kl": 0.0}, {"kl": 250.0}).sentences)


def test_a_gain_on_training_examples_is_not_sold_as_more() -> None:
    told = judged({"rewards/margin": 0.0}, {"rewards/margin": 1.0}, measured_on="training examples")
    assert told.tone == "caution" and "trained on" in told.headline
    assert any("No examples were held out" in sentence for sentence in told.sentences)


@pytest.mark.parametrize(
    ("forget", "retain", "tone", "headline"),
    [
        (6.0, 3.0, "good", "became less likely, and what is retained did not"),
        (6.0, 5.0, "caution", "became less likely, but so did what is retained"),
        (3.0, 3.0, "bad", "did not become less likely"),
        (3.0, 5.0, "bad", "did not become less likely, but what is retained did"),
    ],
)
def test_unlearning_is_judged_by_both_sources(forget: float, retain: float, tone: str, headline: str) -> None:
    told = judged({"nll/forget": 4.0, "nll/retain": 4.0}, {"nll/forget": forget, "nll/retain": retain, "loss": 1.0})
    assert told.tone == tone and told.headline.endswith(headline)
    assert f"forget set: from 4.000 to {forget:.3f} nats per token." in " ".join(told.sentences)
    assert "is unknown whether" not in " ".join(told.sentences)


def test_the_accuracy_of_judged_responses_is_not_called_one_of_pairs() -> None:
    after = {"rewards/accuracy": 0.9, "rewards/undesirable": -1.0}
    told = " ".join(judged({"rewards/accuracy": 0.5}, after).sentences)
    assert "share of responses whose reward is positive where they are desirable" in told and "pairs" not in told


@pytest.mark.parametrize(
    ("before", "after", "summary", "headline"),
    [
        ({"kl": 0.0}, {"kl": 420.0}, {}, "far from the reference"),
        ({"samples/ended": 1.0}, {"samples/ended": 0.25}, {}, "no longer end"),
        ({"samples/repeated": 0.02}, {"samples/repeated": 0.9}, {}, "repeat themselves"),
        ({"labels/desirable": 0.0}, {"labels/desirable": 0.0}, {}, "all measured responses are undesirable"),
        ({}, {}, {"overlap": {"held_out": 50, "same_prompt": 4, "near_duplicate": 1}}, "also trained on"),
    ],
)
def test_a_gain_is_no_gain_where_the_report_knows_better(
    before: dict[str, float], after: dict[str, float], summary: dict[str, Any], headline: str
) -> None:
    gain = {"rewards/accuracy": 0.5}, {"rewards/accuracy": 0.9}
    found = judged({**gain[0], **before}, {**gain[1], **after}, **summary)
    assert found.tone == "bad" and headline in found.headline and "got better" not in found.headline
    assert judged(*gain).tone == "good"


@pytest.mark.parametrize(
    ("before", "after", "summary"),
    [
        ({"kl": 0.0}, {"kl": 25.0}, {}),
        ({"samples/ended": 0.0}, {"samples/ended": 0.0}, {}),
        ({"samples/repeated": 0.6}, {"samples/repeated": 0.7}, {}),
        ({"labels/desirable": 0.1}, {"labels/desirable": 0.1}, {}),
        ({}, {}, {"overlap": {"held_out": 5000, "same_prompt": 3, "near_duplicate": 0}}),
    ],
)
def test_what_was_so_before_or_is_rare_does_not_speak_against_a_gain(
    before: dict[str, float], after: dict[str, float], summary: dict[str, Any]
) -> None:
    found = judged({"rewards/accuracy": 0.5, **before}, {"rewards/accuracy": 0.9, **after}, **summary)
    assert found.tone == "good"
