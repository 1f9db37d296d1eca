"""Every method of pairs, by its id, trained on real preferences: its loss is finite and falls."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

import penchant
from penchant.feedback.views.view import view_fields
from penchant.objectives import Requirements, build, by_family, get
from small_runs import losses

# Other tests define objectives of their own.
METHODS = [
    name
    for family in ("pairwise", "listwise", "token-level", "reference-free")
    for name in by_family(family)
    if get(name).__module__.startswith("penchant.") and "supervised" not in get(name).tags
]
# What people wrote, cut to this many characters, so that a method takes about two seconds.
PROMPT, RESPONSE = 40, 60
PAIRS, STEPS = 4, 20


def extras(number: int, pair: dict[str, str], wanted: Requirements) -> dict[str, Any]:
    """What a method wants to know about a pair beyond its texts: the columns of which its views and fields are made."""
    sure = number / PAIRS
    columns = {
        "probability": 0.7 + 0.2 * sure,
        "margin": 1.0 + sure,
        "preference_probability": 0.7 + 0.2 * sure,
        "chosen_win_rate": 0.6 + 0.2 * sure,
        "rejected_win_rate": 0.4 - 0.2 * sure,
        "chosen_score": 7.0 + sure,
        "rejected_score": 4.0 - sure,
        "chosen_sources": [0.8, 0.9, 0.6 + 0.2 * sure],
        "rejected_sources": [0.3, 0.4, 0.5 - 0.2 * sure],
        "rationale": f"The first answer is the kinder one to '{pair['prompt']}'",
        "chosen_degraded": [pair["chosen"][:length] for length in (40, 30, 20, 10)],
        "rejected_degraded": [pair["rejected"][:length] for length in (40, 30, 20, 10)],
        "rejected_prompt": f"{pair['prompt']} And why?",
        "matching_prompt": f"Politely: {pair['prompt']}",
        "altered_prompt": pair["prompt"][::-1],
        "extended_prompt": f"{pair['prompt']} Be brief.",
    }
    asked = {*wanted.fields, *(column for view in wanted.views for column in view_fields(view))}
    asked |= {"rejected_prompt"} if "rejected_joint" in wanted.views else set()
    return {name: value for name, value in columns.items() if name in asked}


def as_ranking(pair: dict[str, str]) -> dict[str, Any]:
    """The pair as a list of two, for methods of pairs and lists."""
    return {"prompt": pair["prompt"], "completions": [pair["chosen"], pair["rejected"]], "scores": [1.0, 0.0]}


@pytest.fixture(scope="module")
def real_pairs(shared: Path) -> list[dict[str, str]]:
    """A few preferences about harmlessness: the last question asked, and the beginnings of both answers."""
    pairs: list[dict[str, str]] = []
    with gzip.open(shared / "data" / "hh_harmless.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            prompt = row["prompt"][-1]["content"]
            chosen, rejected = (_beginning(row[side]) for side in ("chosen", "rejected"))
            if len(prompt) <= PROMPT and len(rejected) == RESPONSE and chosen[:20] != rejected[:20]:
                pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
            if len(pairs) == PAIRS:
                return pairs
    raise AssertionError("the data hold fewer pairs of that form than the test wants")


def _beginning(response: Any) -> str:
    text = response if isinstance(response, str) else response[-1]["content"]
    return str(text)[:RESPONSE]


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_is_finite_and_falls(
    name: str, real_pairs: list[dict[str, str]], shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Drawing sixty reports would take longer than training.
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    wanted = build(name).requirements
    rows = [
        as_ranking(pair) if "responses" in wanted.views else {**pair, **extras(number, pair, wanted)}
        for number, pair in enumerate(real_pairs)
    ]
    result = penchant.train(
        model=str(shared / "models" / "tinystories-260k"),
        data=rows,
        objective=name,
        output=str(tmp_path / "run"),
        chat_template="plain",
        max_length=64,
        truncation="response_right",
        # Every step sees all examples, so that no step's loss differs from another's by its batch.
        batch_size=PAIRS,
        accumulate=1,
        max_steps=STEPS,
        save_every=STEPS,
        learning_rate=5e-4,
        schedule="constant",
        warmup=0.0,
        samples=0,
        device="cpu",
    )
    assert result.summary["cut"]["kept"] == PAIRS
    told = losses(tmp_path / "run")
    assert len(told) == STEPS and all(math.isfinite(each) for each in told)
    # Over a few steps, because a method may draw at random or move a running mean.
    few = STEPS // 4
    assert fmean(told[-few:]) < fmean(told[:few])
