"""A reward function that fails is named, with what it gave and for which prompt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.rewards import FunctionJudge


@pytest.mark.parametrize(
    "value",
    [2, 2.0, np.float32(2), np.array([2.0]), np.array([[2]]), torch.tensor([2.0])],
)
def test_any_number_is_a_reward(value: Any) -> None:
    assert FunctionJudge(lambda prompt, response: value).score("p", ["r"]) == [2.0]


def test_a_response_may_be_left_unscored() -> None:
    assert math.isnan(FunctionJudge(lambda prompt, response: None).score("p", ["r"])[0])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.inf, "returned inf, which is not finite"),
        (math.nan, "returned nan, which is not finite"),
        (torch.tensor(math.nan), r"returned tensor\(nan\), which is not finite"),
        (np.array([1.0, 2.0]), "which is not one number"),
        (10**400, "which is not one number"),
        (-math.inf, "returned -inf, which is not finite"),
        ("good", "returned 'good', which is not a number"),
        ("1.0", "returned '1.0', which is not a number"),
        ([1.0, 2.0], r"returned \[1.0, 2.0\], which is not one number"),
        (torch.tensor([1.0, 2.0]), r"returned tensor\(\[1., 2.\]\), which is not one number"),
        ({"score": 1}, "which is not one number"),
    ],
)
def test_anything_else_is_named_with_function_prompt_and_response(value: Any, message: str) -> None:
    def reward(prompt: Any, response: str) -> Any:
        return value if response == "bad" else 1.0

    with pytest.raises(ConfigurationError, match=message) as error:
        FunctionJudge(reward).score("What is it?", ["fine", "bad"])
    said = str(error.value)
    assert "reward'" in said and "for the prompt 'What is it?' and the response 'bad'" in said


def test_an_exception_is_named_too() -> None:
    def reward(prompt: Any, response: str) -> float:
        return 1 / response.count("z")

    with pytest.raises(ConfigurationError, match=r"reward' raised ZeroDivisionError: .*for the prompt 'p'"):
        FunctionJudge(reward).score("p", ["zz", "aa"])


def test_a_function_that_leaves_the_program_is_named() -> None:
    def reward(prompt: Any, response: str) -> float:
        raise SystemExit(3)

    with pytest.raises(
        ConfigurationError, match=r"reward' raised SystemExit: 3 .*test_functions.py, line .*, for the prompt 'p'"
    ):
        FunctionJudge(reward).score("p", ["aa"])
