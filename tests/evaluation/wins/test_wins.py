"""Win rates: padding, equal models, published rates of AlpacaEval, and what is refused."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.cli.app import main
from penchant.errors import DataError
from penchant.evaluation.wins.length_controlled import extreme_change, length_controlled, rate_between
from penchant.evaluation.wins.preferences import measure_rates, read_preferences, read_regularising
from penchant.evaluation.wins.win_rate import win_rate

# Win rates that AlpacaEval 2 publishes, over all 805 prompts.
PUBLISHED = {
    "gpt4_1106_preview": 50.0,
    "claude-2": 17.19,
    "claude": 16.99,
    "gpt-3.5-turbo-0301": 9.62,
    "vicuna-13b": 5.83,
    "alpaca-farm-ppo-human": 4.10,
    "text_davinci_001": 2.76,
    "oasst-sft-pythia-12b": 1.79,
}


def judged(padding: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Preferences of a judge that likes length, for a model whose responses are padded."""
    rng = np.random.default_rng(seed)
    baseline, model = rng.uniform(200, 400, 1500), rng.uniform(200, 400, 1500) + padding
    apart = (model - baseline) / 80
    return 1 / (1 + np.exp(-(-0.4 + np.tanh(apart)))), baseline, model


def test_padding_moves_the_raw_rate_and_not_the_length_controlled_one() -> None:
    pytest.importorskip("sklearn")
    before, after = (length_controlled(*judged(padding), folds=0) for padding in (0.0, 60.0))
    assert after.raw - before.raw > 8
    assert abs(after.rate - before.rate) < 2
    assert before.length < 0  # this judge favours length


def test_exchanging_model_and_baseline_gives_the_rest_to_100() -> None:
    pytest.importorskip("sklearn")
    win, baseline, model = judged(30.0)
    one, two = length_controlled(win, baseline, model, folds=0), length_controlled(1 - win, model, baseline, folds=0)
    assert one.rate + two.rate == pytest.approx(100, abs=0.05)
    assert rate_between(one, one, [0.0, 1.0]) == 50


def test_without_an_effect_of_length_the_rate_is_near_the_raw_one() -> None:
    pytest.importorskip("sklearn")
    _, baseline, model = judged(50.0)
    found = length_controlled(np.full(len(model), 0.3), baseline, model)
    assert found.rate == pytest.approx(30, abs=0.5)


def test_the_interval_holds_the_rate_and_narrows() -> None:
    wide, narrow = win_rate([1.0, 0.0] * 10), win_rate([1.0, 0.0] * 1000)
    assert wide.interval.low < 50 < wide.interval.high
    assert narrow.interval.high - narrow.interval.low < (wide.interval.high - wide.interval.low) / 5
    assert narrow.interval.high - narrow.interval.low == pytest.approx(2 * 1.96 * narrow.standard_error, rel=0.1)


@pytest.mark.parametrize("wrong", [[], [1.2], [float("nan")]])
def test_what_is_no_preference_is_refused(wrong: list[float]) -> None:
    with pytest.raises(DataError):
        win_rate(wrong)


def test_one_comparison_says_nothing_of_others() -> None:
    found = win_rate([1.0])
    assert (found.interval.low, found.interval.high) == (0.0, 100.0) and math.isnan(found.standard_error)


@pytest.mark.parametrize("wrong", [[1], "1", {}, 1.5])
def test_a_preference_that_is_no_number_is_named_with_its_line(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"preferences:2"):
        read_preferences([{"win": 1}, {"win": wrong} if wrong != {} else {}])


def test_rows_without_a_verdict_are_counted() -> None:
    found = measure_rates(read_preferences([{"win": 1.0}, {"win": None}, {"win": 0.0}]))
    assert found["model"].unread == 1 and found["model"].raw.rate == 50
    with pytest.raises(DataError, match="No row"):
        measure_rates(read_preferences([{"win": None}]))


def test_an_extreme_change_is_one_of_a_quarter_of_the_room_and_ten_points() -> None:
    assert not extreme_change(50, 62) and extreme_change(50, 63) and extreme_change(50, 37)


def test_difficulties_and_regularising_rows_of_files_are_those_of_the_fit(tmp_path: Path) -> None:
    """What a file holds reaches the fit: without either the rate is another."""
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    win, baseline, model = (each[:300] for each in judged(40.0))
    hard, versions = rng.normal(size=300), [judged(60.0, 1), judged(-60.0, 2)]
    keys = ("win", "baseline_chars", "chars")
    rows = [
        {**dict(zip(keys, each, strict=True)), "difficulty": d}
        for *each, d in zip(win, baseline, model, hard, strict=True)
    ]
    extra = [
        {"model": name, **dict(zip(keys, each, strict=True)), "difficulty": 0.5}
        for name, version in zip(("concise", "verbose"), versions, strict=True)
        for each in zip(*(part[:100] for part in version), strict=True)
    ]
    own = read_regularising(extra)
    wanted = length_controlled(win, baseline, model, hard, regularising=own)
    found = measure_rates(read_preferences(rows), regularising=own)["model"].controlled
    assert found is not None and found.rate == wanted.rate and found.standard_error > 0
    apart = np.subtract(versions[0][1][:100], versions[0][2][:100])
    assert own.length[:100] == pytest.approx(apart / apart.std(ddof=1)) and len(own.length) == 200
    given = read_regularising([{**row, "length": value} for row, value in zip(extra, own.length, strict=True)])
    assert given.length == own.length and given.difficulty == own.difficulty
    plain = length_controlled(win, baseline, model, hard)
    without = measure_rates(read_preferences(rows))["model"].controlled
    assert without is not None and without.rate == plain.rate and plain.length != found.length
    files = [tmp_path / name for name in ("rows.jsonl", "extra.jsonl", "out.json")]
    for file, each in zip(files, (rows, extra), strict=False):
        file.write_text("".join(json.dumps(row) + "\n" for row in each))
    assert main(["win-rate", str(files[0]), "--regularising", str(files[1]), "--json", str(files[2])]) == 0
    told = json.loads(files[2].read_text())["model"]
    assert told["length_controlled"] == found.rate and told["difficulty_coefficient"] == found.difficulty


@pytest.mark.parametrize(
    ("rows", "phrase"),
    [
        ([{"win": 0.5}], "no lengths"),
        ([{"win": 0.5, "length": 1, "difficulty": 1}, {"win": 0.5, "length": 1}], "others have none"),
        ([{"win": 0.5, "length": 1, "difficulty": "hard"}], "expected a number"),
    ],
)
def test_regularising_rows_that_cannot_be_used_are_refused(rows: list[dict[str, Any]], phrase: str) -> None:
    with pytest.raises(DataError, match=phrase):
        read_regularising(rows)


def test_the_published_win_rates_of_alpaca_eval(shared: Path) -> None:
    with gzip.open(shared / "data" / "alpaca_eval_table.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = measure_rates(read_preferences(map(json.loads, lines)), controlled=False)
    own = {name: found[name].raw for name in PUBLISHED}
    for name, rate in PUBLISHED.items():
        assert abs(own[name].rate - rate) < 3 * own[name].standard_error + 0.01
    names = list(PUBLISHED)
    for place, better in enumerate(names):
        for worse in names[place + 1 :]:
            assert own[worse].interval.low <= own[better].interval.high  # no two intervals part in the wrong order
