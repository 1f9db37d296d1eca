"""Callbacks that are passed to `penchant.train`: transformers' callbacks, and plain functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from transformers import TrainerCallback

from penchant.errors import ConfigurationError, PenchantError, TrainingError

__all__ = ["FunctionCallback", "as_callbacks"]

Heard = Callable[[int, str, dict[str, float]], Any]


class FunctionCallback(TrainerCallback):
    """Calls a function after every step and every held-out measurement.

    The function takes the step, the split (``"train"`` or ``"eval"``) and the numbers, as in ``metrics.jsonl``. If it
    returns ``"stop"``, the run ends after this step: it is measured, saved and reported like any finished run.

    Args:
        function: the function.
    """

    def __init__(self, function: Heard) -> None:
        self.function, self.stop = function, False

    def hear(self, step: int, split: str, numbers: dict[str, float]) -> None:
        """Pass a row of the log to the function.

        Raises:
            TrainingError: the function raises; the message names it.
        """
        try:
            answer = self.function(step, split, dict(numbers))
        except PenchantError:
            raise
        except Exception as error:
            raise TrainingError(
                f"The callback {_name(self.function)!r} raised {type(error).__name__}: {error}.",
                where=f"step {step}",
                fix="Correct it; --resume continues from the last checkpoint.",
            ) from error
        self.stop = self.stop or answer == "stop"

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the run if the function asked for it."""
        if self.stop:
            control.should_training_stop = control.should_save = True


def as_callbacks(given: Sequence[Any]) -> list[TrainerCallback]:
    """The callbacks of a run.

    Args:
        given: callbacks of transformers (objects or classes), or functions of (step, split, numbers).

    Raises:
        ConfigurationError: something else is given.
    """
    if callable(given) or isinstance(given, TrainerCallback):
        given = [given]
    found: list[TrainerCallback] = []
    for each in given:
        if isinstance(each, type) and issubclass(each, TrainerCallback):
            found.append(each())
        elif isinstance(each, TrainerCallback):
            found.append(each)
        elif callable(each):
            found.append(FunctionCallback(each))
        else:
            raise ConfigurationError(
                f"{each!r} is a {type(each).__name__}, not a callback.",
                where="callbacks",
                fix="Give a TrainerCallback of transformers, or a function of (step, split, numbers).",
            )
    return found


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
