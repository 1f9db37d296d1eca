"""Published cases of GRPO's relatives: the name of a case says what its parameters do not."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.errors import ConfigurationError
from penchant.receipts import evaluate
from penchant.receipts.checking import check_case

SCORES = {"scores": [3.0, 1.0, 0.0, 5.0, 5.0], "group": [0, 0, 0, 1, 1], "lengths": [1, 1, 2, 3, 4]}
TOKENS = {"policy": [[-1.0, -2.0], [-0.5]], "old": [[-1.5, -1.0], [-0.2]]}
LOSS: dict[str, Any] = {"responses": TOKENS, "advantages": [1.0, -0.5]}


def advantages(name: str, **params: Any) -> list[float]:
    found: list[float] = evaluate("grpo", params, SCORES, case=name)["advantages"]
    return found


def loss(name: str, **params: Any) -> float:
    return float(evaluate("grpo", params, LOSS, case=name)["loss"])


def test_the_name_after_the_colon_says_which_advantages_are_meant() -> None:
    spread = (7 / 3) ** 0.5 + 1e-6  # of 3, 1, 0
    assert advantages("advantage: Dr.GRPO (mean only)") == pytest.approx([5 / 3, -1 / 3, -4 / 3, 0, 0])
    assert advantages("advantage: OPO length-weighted baseline") == pytest.approx([2, 0, -1, 0, 0])
    assert advantages("advantage: Pass@k") == pytest.approx([2 / spread, 0, 0, 0, 0])
    assert advantages("advantage: Pass@k", norm_adv_by_std_in_grpo=False) == pytest.approx([2, 0, 0, 0, 0])
    normed = [each / spread for each in (5 / 3, -1 / 3, -4 / 3)]
    assert advantages("advantage: GRPO group norm", norm_adv_by_std_in_grpo=True) == pytest.approx([*normed, 0, 0])


def test_a_setting_says_it_where_the_name_does_not() -> None:
    centred = advantages("advantage: Dr.GRPO (mean only)")
    for params in ({"norm_adv_by_std_in_grpo": False}, {"scale_rewards": "none"}, {"estimator": "dr_grpo"}):
        assert advantages("advantage, some words", **params) == centred == advantages("", **params)
    assert advantages("") == advantages("advantage: OPO")  # of these rules it alone reads lengths


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("advantage: GRPPO group norm", {}, "no variant 'GRPPO'.*Did you mean 'GRPO'"),
        ("advantage without a word", {}, r"Neither the parameters nor the name.*GRPO, Dr\.GRPO, OPO, Pass@k"),
        ("", {"estimator": "rloo"}, "estimator is 'rloo', expected one of"),
    ],
)
def test_unknown_advantages_are_refused(name: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        evaluate("grpo", params, SCORES, case=name)
    verdict = check_case({"method": "grpo", "case": name, "params": params, "inputs": SCORES | {"lengths": []}})
    assert verdict.verdict == "failed"


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.2), (0.2, 0.28)])
def test_the_surrogate_of_a_clip_is_that_of_the_name_whatever_the_values(low: float, high: float) -> None:
    clip = {"clip_ratio_low": low, "clip_ratio_high": high}
    gmpo = loss("loss", loss_type="gmpo", epsilon_low=low, epsilon_high=high)
    cispo = loss("loss", loss_type="cispo", cispo_floor=1 - low, epsilon_high=1 + high)
    assert gmpo != pytest.approx(cispo)
    assert loss("loss: GMPO clip", **clip) == gmpo and loss("loss: CISPO clip", **clip) == cispo


@pytest.mark.parametrize(
    ("name", "said"),
    [("loss: GMPPO clip", "no variant 'GMPPO'"), ("loss", "do not determine the surrogate"), ("", "do not determine")],
)
def test_a_clip_without_the_name_of_its_surrogate_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        loss(name, clip_ratio_low=0.2, clip_ratio_high=0.2)
