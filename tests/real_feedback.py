"""A few real preferences, in the form in which a method asks for them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from penchant.feedback.views.view import view_fields
from penchant.objectives import Objective, Requirements

__all__ = ["COMPUTED", "read_facts", "read_pairs", "rows_for"]

#: Fields that training computes itself from what the policy has sampled; no file of feedback holds them.
COMPUTED = {"advantage", "old_policy", "old_values", "returns"}
# What people wrote, cut to this many characters, so that a step takes some hundredths of a second.
PROMPT, RESPONSE = 40, 60

Row = dict[str, Any]

#: Fields that the encoder computes from the pair itself, and columns of which it computes others.
DERIVED = {"chosen_differs", "rejected_differs"}
COLUMN_OF = {
    f"{side}_{field}": f"{side}_{column}"
    for side in ("chosen", "rejected")
    for field, column in (("token_weights", "spans"), ("phrase_ids", "phrases"))
}


def read_facts(shared: Path, count: int) -> dict[str, list[Row]]:
    """Facts about invented people: private ones to forget, each with a refusal, and others to retain."""
    facts: dict[str, list[Row]] = {"forget": [], "retain": []}
    with gzip.open(shared / "data" / "private_facts.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if len(row["question"]) <= PROMPT and len(facts[row["kind"]]) < count:
                told = {"prompt": row["question"], "completion": _beginning(row["answer"])}
                facts[row["kind"]].append({**told, "idk": "I do not know."} if row["kind"] == "forget" else told)
    return facts


def read_pairs(shared: Path, count: int) -> list[dict[str, str]]:
    """Preferences about harmlessness: the last question asked, and the beginnings of both answers."""
    pairs: list[dict[str, str]] = []
    with gzip.open(shared / "data" / "hh_harmless.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            prompt = row["prompt"][-1]["content"]
            chosen, rejected = (_beginning(row[side]) for side in ("chosen", "rejected"))
            if len(prompt) <= PROMPT and len(rejected) == RESPONSE and chosen[:20] != rejected[:20]:
                pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
            if len(pairs) == count:
                return pairs
    raise AssertionError("the data hold fewer pairs of that form than the test wants")


def _beginning(response: Any) -> str:
    text = response if isinstance(response, str) else response[-1]["content"]
    return str(text)[:RESPONSE]


def rows_for(objective: Objective, pairs: list[dict[str, str]]) -> list[Row]:
    """The pairs as records of what ``objective`` asks for.

    Raises:
        KeyError: the objective asks for a field that `_columns` does not have. Add it there.
    """
    wanted = objective.requirements
    if "label" in wanted.fields:
        return [row for pair in pairs for row in _as_judgements(pair)]
    if "responses" in wanted.views:
        return [_as_ranking(pair) for pair in pairs]
    return [{**pair, **_extras(number / len(pairs), pair, wanted)} for number, pair in enumerate(pairs)]


def _as_judgements(pair: dict[str, str]) -> list[Row]:
    """The pair as two responses, each of which is good or bad by itself."""
    return [{"prompt": pair["prompt"], "completion": pair[side], "label": side == "chosen"} for side in SIDES]


def _as_ranking(pair: dict[str, str]) -> Row:
    """The pair as a list of two."""
    return {"prompt": pair["prompt"], "completions": [pair[side] for side in SIDES], "scores": [1.0, 0.0]}


SIDES = ("chosen", "rejected")


def _extras(sure: float, pair: dict[str, str], wanted: Requirements) -> Row:
    """What a method wants to know about a pair beyond its texts: the columns of which its views and fields are made."""
    asked = {*wanted.fields, *(column for view in wanted.views for column in view_fields(view))} - {"record_index"}
    asked |= {"rejected_prompt"} if "rejected_joint" in wanted.views else set()
    asked |= {"second_modality"} & set(wanted.views)  # a pair has no single response
    columns = _columns(sure, pair)
    return {COLUMN_OF.get(name, name): columns[name] for name in sorted(asked - DERIVED)}


def _columns(sure: float, pair: dict[str, str]) -> Row:
    """Every column that some method asks for; ``sure``, from 0 to 1, makes the pairs differ."""
    return {
        "probability": 0.7 + 0.2 * sure,
        "preference_probability": 0.7 + 0.2 * sure,
        "chosen_win_rate": 0.6 + 0.2 * sure,
        "rejected_win_rate": 0.4 - 0.2 * sure,
        "margin": 1.0 + sure,
        "chosen_score": 7.0 + sure,
        "rejected_score": 4.0 - sure,
        "chosen_sources": [0.8, 0.9, 0.6 + 0.2 * sure],
        "rejected_sources": [0.3, 0.4, 0.5 - 0.2 * sure],
        "direct": 1.0,
        "gold": f"{pair['chosen'][:50]}, kindly",
        "mixed": f"{pair['chosen'][:30]}, {pair['rejected'][:30]}",
        "replay_prompt": f"{pair['prompt']} Please?",
        "replay": pair["rejected"],
        "replay_score": 0.5 - sure,
        "chosen_token_weights": [[0, 9, 1.2], [5, 20, 1.1]],
        "rejected_token_weights": [[0, 9, 1.2]],
        "chosen_phrase_ids": [[10, 20]],
        "rejected_phrase_ids": [[10, 15, 1], [16, 30, 2]],
        "annotator": 0,
        "pair_class": 0,
        "class_label": 0,
        "second_modality": pair["chosen"],
        "third_modality": pair["prompt"],
        "ratings": [7.0 + sure, None if sure > 0.5 else 1.0],
        "chosen_ratings": [0.7 + 0.2 * sure, None if sure > 0.5 else 0.4],
        "rejected_ratings": [0.3, 0.5 - 0.2 * sure],
        "chosen_margin_rewards": [0.5 + sure],
        "rejected_margin_rewards": [0.2 - sure],
        "objective_weights": [0.5, 0.5],
        "rationale": f"The first answer is the kinder one to '{pair['prompt']}'",
        "chosen_degraded": [pair["chosen"][:length] for length in (40, 30, 20, 10)],
        "rejected_degraded": [pair["rejected"][:length] for length in (40, 30, 20, 10)],
        "samples": [pair["chosen"][:40], pair["rejected"][10:50]],
        "rejected_prompt": f"{pair['prompt']} And why?",
        "matching_prompt": f"Politely: {pair['prompt']}",
        "altered_prompt": pair["prompt"][::-1],
        "extended_prompt": f"{pair['prompt']} Be brief.",
        "chosen_from_reference": 0.0,
        "rejected_from_reference": 1.0,
        "fresh": pair["chosen"][:30],
    }
