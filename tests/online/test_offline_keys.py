"""Keys of runs on fixed data that an online run does not have are refused, not ignored."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.errors import ConfigurationError
from penchant.online.recipe import make_online_recipe


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("keep", "best"), ("metric", "loss"), ("early_stopping", 3), ("checkpoints", "none"), ("report_to", "wandb")),
    ],
)
def test_a_key_without_a_meaning_between_rounds_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{key}: An online run measures and saves between its rounds"):
        make_online_recipe({"method": "grpo", "model": "m", "data": "d", key: value})
