"""Judges: answer extraction, rules, functions and reward models."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from penchant.cli.app import main
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback import read
from penchant.feedback.records import Prompt
from penchant.rewards import FunctionJudge, Judge, RewardModel, Verifier, answer_in, build_judge, same_number
from small_judges import JUDGES, classifier
from small_runs import word_tokenizer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("She makes 9 * 2 = $<<9*2=18>>18 every day.\n#### 18", "18"),
        ("It is 3.\nA: 1,200\n", "1,200"),
        (r"So \boxed{-3/4}.", "-3/4"),
        ("The answer is $1,234.50.", "1,234.50"),
        ("He has 10-5 apples.", "5"),
        ("minus five is −5", "−5"),
        (".5", ".5"),
        ("First 7. #### 8 \n no, #### 9", "9"),
        ("none at all", None),
        ("", None),
    ],
)
def test_the_answer_is_found_after_its_markers(text: str, answer: str | None) -> None:
    assert answer_in(text) == answer


@pytest.mark.parametrize(
    ("rule", "response", "answer", "right"),
    [
        ("number", "that makes 1,000.0", "1000", True),
        ("number", "that makes 100", "1000", False),
        ("number", "nothing", "0", False),
        ("exact", " the  car ", "the car", True),
        ("exact", "the cars", "the car", False),
        ("contains", "It is Paris, of course.", "paris", True),
        ("contains", "comparisons", "paris", False),
    ],
)
def test_rules(rule: str, response: str, answer: str, right: bool) -> None:
    assert Verifier([("q", answer)], rule).score("q", [response]) == [float(right)]


def test_numbers_are_compared_by_value() -> None:
    assert same_number("0.50", "1/2") and not same_number("1/0", "1") and not same_number("0.1", "0.10001")


def test_answers_come_from_the_records_and_contradictions_are_errors() -> None:
    records = [Prompt(prompt="1+1=", fields={"answer": 2}), Prompt(prompt="1+2=", fields={"answer": "3"})]
    judge = Verifier.of_records(records)
    assert judge.score("1+2=", ["3", "4"]) == [1.0, 0.0] and judge.verifies
    with pytest.raises(DataError, match="There is no answer"):
        judge.score("1+3=", ["4"])
    with pytest.raises(DataError, match="no field 'answer'"):
        Verifier.of_records([Prompt(prompt="1+1=")])
    with pytest.raises(DataError, match="'2' in an earlier record"):
        Verifier.of_records([*records, Prompt(prompt="1+1=", fields={"answer": "5"})])


def test_a_function_by_name_or_as_an_object() -> None:
    assert FunctionJudge(f"{JUDGES}:reds").score("x", ["red red", ""])[0] > 1.9
    assert math.isnan(FunctionJudge(f"{JUDGES}:strict").score("x", [" "])[0])
    with pytest.raises(ConfigurationError, match=r"file\.py:function"):
        FunctionJudge("small_judges")


def test_scores_become_preferences_that_add_up() -> None:
    table = FunctionJudge(lambda prompt, response: float(len(response))).compare("x", ["a", "bbb", "cc"])
    torch.testing.assert_close(table + table.T, torch.ones(3, 3, dtype=torch.float64))
    assert table[1, 0] > table[2, 0] > 0.5 and (table.diagonal() == 0.5).all()
    with pytest.raises(NotImplementedError, match="Judge does not implement"):
        Judge().score("x", ["y"])


def test_a_reward_model_reads_at_the_end_token_whatever_the_batch() -> None:
    """The end token is also the padding token, as in many configurations; the reward must still be read there."""
    tokenizer, model = word_tokenizer(), classifier()
    tokenizer.pad_token = tokenizer.eos_token
    responses = [" the car is red", " red", " the hat is not blue and not green"]
    judge = RewardModel(model, tokenizer, batch_size=3)
    together = judge.score("which colour", responses)
    renderer = judge.renderer
    for response, score in zip(responses, together, strict=True):
        ids = renderer.prompt_ids("which colour") + renderer.response_ids("which colour", response)
        with torch.no_grad():
            expected = float(model.score(model.model(torch.tensor([ids]))[0][0, -1]))
        assert score == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ModelError, match="3 outputs"):
        RewardModel(classifier(3), tokenizer)


def test_judges_by_name() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'verifier'"):
        build_judge({"name": "verifyer"}, [])
    with pytest.raises(ConfigurationError, match="The key 'path' is missing"):
        build_judge({"name": "function"}, [])
    with pytest.raises(ConfigurationError, match=r"'rule' is 'nummer'.*'exact'"):
        build_judge({"name": "verifier", "rule": "nummer"}, [])


def test_real_solutions_are_judged_as_published(shared: Path, tmp_path: Path) -> None:
    """Right and wrong solutions of grade-school problems: our reading of the answer agrees with the published label."""
    import gzip
    import json

    source = shared / "data" / "gsm8k_solutions.jsonl.gz"
    with gzip.open(source, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    agreed = total = 0
    for row in rows:
        verifier = Verifier([(row["prompt"], row["answer"])])
        scores = verifier.score(row["prompt"], [each["text"] for each in row["responses"]])
        agreed += sum(score == float(each["correct"]) for score, each in zip(scores, row["responses"], strict=True))
        total += len(scores)
    assert total > 5000 and agreed / total > 0.98
    out = tmp_path / "pairs.jsonl"
    assert main(["data", "verify", str(source), "--out", str(out), "--per-prompt", "2"]) == 0
    pairs = read(out)
    assert pairs.kind == "comparison" and len(pairs) > 1000 and not pairs.bad
    labels = {(row["prompt"], each["text"]): each["correct"] for row in rows for each in row["responses"]}
    right = [labels[pair.prompt, pair.chosen] and not labels[pair.prompt, pair.rejected] for pair in pairs]  # type: ignore[attr-defined]
    assert sum(right) / len(right) > 0.96
