"""Win rates: padding, equal models, published rates of AlpacaEval, and what is refused."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.errors import DataError
from penchant.evaluation.wins.length_controlled import extreme_change, length_controlled, rate_between
from penchant.evaluation.wins.preferences import measure_rates, read_preferences
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
