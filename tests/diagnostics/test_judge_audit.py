"""Audits of judges: planted biases are found, and a judge without them has none."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from penchant.cli.app import main
from penchant.diagnostics.judge_audit import audit
from penchant.diagnostics.judge_edits import EDITS, paraphrased
from penchant.errors import DataError
from penchant.feedback import read
from penchant.rewards import Judge


def records(count: int = 60) -> Any:
    rng = random.Random(0)
    rows = []
    for number in range(count):
        bad, good = (f"It is {word}. I do not {'say more. ' * rng.randint(1, 9)}" for word in ("wrong", "right"))
        names = ("own-1", "other") if number % 2 else ("other", "own-2")
        row = {"prompt": f"Question {number}?", "chosen": good, "rejected": bad}
        rows.append({**row, "chosen_model": names[0], "rejected_model": names[1]})
    return list(read(rows))


class Planted(Judge):
    """Prefers right answers, moved by the place, by the length, by Markdown or by wording."""

    def __init__(self, place: float = 0.0, length: float = 0.0, style: float = 0.0, wording: float = 0.0) -> None:
        super().__init__()
        self.place, self.length, self.style, self.wording = place, length, style, wording

    def _value(self, text: str) -> float:
        right = 2.0 * ("right" in text) + self.style * ("##" in text) + self.wording * ("don't" in text)
        return right + self.length * len(text)

    def first_wins(self, prompts: Sequence[Any], pairs: Sequence[tuple[str, str]]) -> list[float]:
        values = [self.place + self._value(one) - self._value(other) for one, other in pairs]
        return [0.5 + 0.5 * ((value > 0) - (value < 0)) for value in values]

    def compare(self, prompt: Any, responses: Sequence[str]) -> Tensor:
        one, other = (self.first_wins([prompt], [pair])[0] for pair in (tuple(responses), tuple(responses)[::-1]))
        first = (one + 1 - other) / 2
        return torch.tensor([[0.5, first], [1 - first, 0.5]], dtype=torch.float64)


BIASES = {"position bias": {"place": 5.0}, "length bias": {"length": 0.1}, "style bias": {"style": 1.0},
          "paraphrase bias": {"wording": 1.0}}  # fmt: skip


@pytest.mark.parametrize("planted", BIASES)
def test_the_planted_bias_is_found_and_no_other(planted: str) -> None:
    found = audit(Planted(**BIASES[planted]), records())
    biased = {name for name in BIASES if found.found(name)}
    # Markdown and rewording change the length, too.
    allowed = {planted, "style bias", "paraphrase bias"} if planted == "length bias" else {planted}
    assert planted in biased and biased <= allowed


def test_a_judge_of_the_content_alone_has_no_bias() -> None:
    found = audit(Planted(), records(), family="own")
    assert not any(found.found(name) for name in BIASES)
    for name in ("accuracy", "swap consistency", "paraphrase consistency"):
        assert found.figures[name].interval.value == 1.0
    assert found.figures["self-preference"].interval.value == 0.0
    assert found.figures["longer wins beyond preference"].interval.value == 0.0


def test_a_judge_that_dislikes_empty_sentences_has_no_bias_of_length() -> None:
    found = audit(Planted(length=-0.1), records())
    assert found.figures["length bias"].interval.high < 0 and not found.found("length bias")
    assert "longer wins beyond preference" in found.biases and "longer preferred" not in found.biases


def test_a_judge_that_goes_by_the_place_is_inconsistent() -> None:
    found = audit(Planted(place=5.0), records())
    assert found.figures["position bias"].interval.value == 0.5
    assert found.figures["swap consistency"].interval.value == 0.0
    assert found.figures["accuracy"].interval.value == 0.5, "both orders together are ties"


def test_self_preference_is_found() -> None:
    class Own(Planted):
        def compare(self, prompt: Any, responses: Sequence[str]) -> Tensor:
            number = int(str(prompt).split()[1].rstrip("?"))
            first = float(number % 2 == 1)  # the chosen response is the judge's own
            return torch.tensor([[0.5, first], [1 - first, 0.5]], dtype=torch.float64)

    figure = audit(Own(), records(), family="own").figures["self-preference"]
    assert figure.interval.value == 0.5 and figure.interval.low > 0 and figure.pairs == 60


def test_of_every_ranking_two_responses_are_compared() -> None:
    """Their models are those of the row, so that self-preference is measured on ranked lists of several systems."""
    rows = [
        {"prompt": f"Question {number}?", "responses": [
            {"model": name, "text": f"It is {word}. {number}", "win": win} for name, word, win in answers
        ]}
        for number in range(40)
        for answers in ([("other", "right", 0.9), ("own-1", "wrong", 0.4), ("own-2", "wrong", 0.4)],)
    ]  # fmt: skip
    found = audit(Planted(), list(read(rows)), family="own")
    assert found.figures["accuracy"].pairs == 40 and found.figures["accuracy"].interval.value == 1.0
    assert found.figures["self-preference"].pairs == 40 and found.figures["self-preference"].interval.value == 0.0
    equal = [{"prompt": "Hi", "responses": [{"text": word, "win": 0.5} for word in "ab"]}]
    with pytest.raises(DataError, match="there are 0"):
        audit(Planted(), list(read(equal)))


def test_a_judge_of_single_responses_has_no_order_and_missing_verdicts_are_counted() -> None:
    class Some(Judge):
        def score(self, prompt: Any, responses: Sequence[str]) -> list[float]:
            return [float("nan") if "7" in str(prompt) else float(len(each)) for each in responses]

    found = audit(Some(), records())
    assert "position bias" not in found.figures and any("order of two responses" in note for note in found.notes)
    assert "accuracy: 6 of 60 pairs have no verdict." in found.notes


def test_edits_keep_the_content() -> None:
    text = "I do not know. However, it is large."
    for name, edit in EDITS.items():
        assert edit(text) != text, name
    assert paraphrased(paraphrased(text)) == text


def test_too_few_comparisons_are_an_error() -> None:
    with pytest.raises(DataError, match="two comparisons or more; there are 1"):
        audit(Planted(), records(1))


@pytest.mark.parametrize(
    ("words", "consequence"),
    [
        (["audit", "FILE", "--judge", "verifier,rule=exact"], "there is nothing to audit a judge on"),
        (["diagnose", "--data", "FILE"], "they reward nothing that could be explained"),
    ],
)
def test_ties_alone_leave_nothing_to_do(
    words: list[str], consequence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ties.jsonl"
    row = {"prompt": "Hi", "response_a": "Hello!", "response_b": "No.", "label": "tie"}
    file.write_text((json.dumps(row) + "\n") * 3)
    assert main([str(file) if each == "FILE" else each for each in words]) == 1
    said = capsys.readouterr().err
    assert "All 3 comparisons are ties" in said and consequence in said and "bt-ties" not in said


def test_the_command_writes_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"prompt": each.prompt, "chosen": each.chosen, "rejected": each.rejected} for each in records(10)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "judges.py").write_text("def longer(prompt, response):\n    return float(len(response))\n")
    place = f"{tmp_path / 'judges.py'}:longer"
    words = ["audit", str(tmp_path / "pairs.jsonl"), "--judge", f"function,path={place}"]
    assert main([*words, "--json", str(tmp_path / "audit.json"), "--html", str(tmp_path / "audit.html")]) == 0
    page = (tmp_path / "audit.html").read_text()
    assert "<svg" in page and "one that holds 0 shows no bias" in page
    assert "Audit of a judge" in page
    assert all(name in page for name in json.loads((tmp_path / "audit.json").read_text())["figures"])
    assert "Found at 95 %: " in capsys.readouterr().out
    found = json.loads((tmp_path / "audit.json").read_text())
    assert found["figures"]["length bias"]["value"] == pytest.approx(0.5, abs=1e-3)
    assert main(["audit", str(tmp_path / "pairs.jsonl"), "--judge", "rule=exact"]) == 1
    assert "names no judge" in capsys.readouterr().err
