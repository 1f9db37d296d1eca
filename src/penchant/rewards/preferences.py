"""Judges that only compare: a function of two responses, and a table of who beats whom."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.objectives.functional.preferences import win_rates
from penchant.python_path import load_from
from penchant.rewards.judge import Judge

__all__ = ["PreferenceFunction", "PreferenceTable"]


class _Comparing(Judge):
    """Base class: a response's score is its win rate among the responses to its prompt."""

    gives_scores = False
    scores_alone = False

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The win rates; ½ for a single response."""
        return [float(each) for each in win_rates(self.compare(prompt, responses))]


class PreferenceFunction(_Comparing):
    """Compares with a function ``prefers(prompt, first, second) -> float``, the probability that the first is better.

    Each pair is asked about in both orders, and the mean is taken, so that a bias for the first place cancels.

    Args:
        settings: ``path``, as for the judge ``function``.

    Raises:
        ConfigurationError: the place may not be named, cannot be loaded, or holds no function.
    """

    id = "preference_function"
    formula = "mean probability of being preferred among the responses to a prompt, both orders"
    span = "0 to 1, higher is better; ½ alone"
    advice = "A score depends on the company: compare scores of one prompt alone."

    path: Annotated[str, "place of prefers(prompt, first, second), as for the judge function: rewards.py:prefers"]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        found = load_from(self.path, "judge")
        if not callable(found) or isinstance(found, type):
            raise ConfigurationError(
                f"{self.path!r} is a {type(found).__name__}, not a function.",
                where="judge",
                fix="Write a function prefers(prompt, first, second) that returns a probability.",
            )
        self.prefers: Callable[[Text, str, str], float] = found

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`.

        Raises:
            ConfigurationError: the function returns something else than a probability.
        """
        count = len(responses)
        table = torch.full((count, count), 0.5, dtype=torch.float64)
        for first in range(count):
            for second in range(first):
                forth = self._asked(prompt, responses[first], responses[second])
                back = self._asked(prompt, responses[second], responses[first])
                table[first, second] = (forth + 1 - back) / 2
                table[second, first] = 1 - table[first, second]
        return table

    def _asked(self, prompt: Text, first: str, second: str) -> float:
        given = self.prefers(prompt, first, second)
        if not isinstance(given, int | float) or not 0 <= given <= 1:
            raise ConfigurationError(
                f"The function {self.path!r} returned {given!r} for the responses {first[:40]!r} and {second[:40]!r}.",
                where="judge",
                fix="Return the probability that the first response is better, between 0 and 1.",
            )
        return float(given)


class PreferenceTable(_Comparing):
    """Compares by a table of a file: ``{"responses": [K texts], "probabilities": [[K numbers] × K]}``.

    Responses are looked up without the white space around them; one that is not in the table cannot be compared (NaN).

    Args:
        settings: ``file``.

    Raises:
        ConfigurationError: the file cannot be read, or its table is not one of probabilities with P_ij + P_ji = 1.
    """

    id = "preference_table"
    formula = "mean probability of being preferred among the responses to a prompt, from a table"
    span = "0 to 1, higher is better; ½ alone"
    advice = "It knows the responses of the table alone; others have no score."

    file: Annotated[str, "JSON file with responses and probabilities"]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        try:
            given = json.loads(Path(self.file).read_text(encoding="utf-8"))
            texts = [str(each).strip() for each in given["responses"]]
            table = torch.tensor(given["probabilities"], dtype=torch.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._wrong(f"cannot be read ({type(error).__name__}: {error})") from None
        if list(table.shape) != [len(texts)] * 2 or bool(((table < 0) | (table > 1)).any()):
            raise self._wrong(f"has {len(texts)} responses and a table of shape {list(table.shape)}")
        if not torch.allclose(table + table.T, torch.ones_like(table), atol=1e-6):
            first, second = ((table + table.T - 1).abs() > 1e-6).nonzero()[0].tolist()
            raise self._wrong(
                f"says {float(table[first, second])} for {texts[first]!r} over {texts[second]!r} and "
                f"{float(table[second, first])} for the reverse"
            )
        self.places, self.table = {text: place for place, text in enumerate(texts)}, table

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"The table {self.file} {what}.",
            where="judge",
            fix='Give {"responses": [...], "probabilities": [[...], ...]}, where P_ij + P_ji = 1.',
        )

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The win rates among the responses that are in the table; NaN for the others."""
        table = self.compare(prompt, responses)
        known = [place for place in range(len(responses)) if not math.isnan(float(table[place, place]))]
        rates = dict(zip(known, win_rates(table[known][:, known]).tolist(), strict=True)) if known else {}
        return [rates.get(place, math.nan) for place in range(len(responses))]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`."""
        rows = [self.places.get(each.strip(), -1) for each in responses]
        found = self.table[rows][:, rows].clone()
        unknown = torch.tensor([row < 0 for row in rows])
        found[unknown] = math.nan
        found[:, unknown] = math.nan
        return found
