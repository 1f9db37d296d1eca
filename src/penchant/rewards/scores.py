"""Scores as judges give them: one finite number for each response, checked before they are used."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from penchant.errors import ConfigurationError, PenchantError
from penchant.feedback.records import Record, as_text

if TYPE_CHECKING:
    from penchant.generation.responses import Response
    from penchant.rewards.judge import Judge

__all__ = ["compared", "compared_all", "one_number", "scored", "scored_all", "scored_samples"]

T = TypeVar("T")

# Characters of a prompt or response that a message repeats.
SHOWN = 80
# How far P_ij + P_ji may be from 1.
TURNED = 1e-4


def one_number(given: Any) -> float:
    """A finite number; a tensor, an array or a scalar of numpy with one element counts as its number.

    Raises:
        ValueError: it is something else; the message says what, as the end of a sentence.

    Example:
        >>> import torch
        >>> one_number(torch.tensor([2.0])), one_number(3), one_number(True)
        (2.0, 3.0, 1.0)
        >>> one_number("good")
        Traceback (most recent call last):
        ValueError: not a number
    """
    number = _number(given)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def scored(judge: Judge, record: Record, responses: Sequence[Any]) -> list[float]:
    """A judge's scores of responses to the prompt of a record.

    Args:
        judge: scores them.
        record: holds the prompt.
        responses: K responses.

    Returns:
        K finite numbers; NaN for a response that the judge cannot score, for which it gives NaN or None.

    Raises:
        PenchantError: the judge fails, gives another number of scores, or gives one that is not a finite number; the
            message names judge, record, prompt and response.
    """
    given: Any = _asked(judge, record, lambda: judge.score(record.prompt, responses))
    return _scores(judge, record, responses, given)


def scored_samples(
    judge: Judge, record: Record, responses: Sequence[Response]
) -> tuple[list[float], dict[str, list[float]]]:
    """A judge's scores of sampled responses to the prompt of a record, and those of its parts by name.

    Args:
        judge: scores them.
        record: holds the prompt, and fields that the judge may read.
        responses: K responses.

    Returns:
        K finite numbers, NaN where a response cannot be scored; the same for each part.

    Raises:
        PenchantError: as for `scored`.
    """
    texts = [each.text for each in responses]
    given: Any = _asked(judge, record, lambda: judge.sampled(record, responses))
    scores, parts = given
    return _scores(judge, record, texts, scores), {
        name: _scores(judge, record, texts, own) for name, own in parts.items()
    }


def _scores(judge: Judge, record: Record, responses: Sequence[Any], given: Any) -> list[float]:
    values = given.tolist() if hasattr(given, "tolist") else given
    if not isinstance(values, list | tuple) or len(values) != len(responses):
        found = f"{len(values)} scores" if isinstance(values, list | tuple) else _cut(values)
        raise _error(judge, record, f"gave {found} for {len(responses)} responses")
    return [_score(value, judge, record, each) for value, each in zip(values, responses, strict=True)]


def compared(judge: Judge, record: Record, responses: Sequence[str]) -> Tensor:
    """A judge's comparison of responses to the prompt of a record.

    Args:
        judge: compares them.
        record: holds the prompt.
        responses: K texts.

    Returns:
        [K, K], the probability that response i is preferred to response j; NaN where one of them cannot be scored.

    Raises:
        PenchantError: the judge fails, or gives another shape or a value outside of [0, 1].
    """
    given: Any = _asked(judge, record, lambda: judge.compare(record.prompt, responses))
    return _table(judge, record, responses, given)


def _table(judge: Judge, record: Record, responses: Sequence[Any], given: Any) -> Tensor:
    shape = [len(responses)] * 2
    if not isinstance(given, Tensor) or list(given.shape) != shape:
        found = f"shape {list(given.shape)}" if isinstance(given, Tensor) else _cut(given)
        raise _error(judge, record, f"gave probabilities of {found}, expected shape {shape}")
    if bool(((given < 0) | (given > 1)).any()):
        raise _error(judge, record, "gave a probability outside of [0, 1]")
    if bool(((given + given.T - 1).abs().fill_diagonal_(0) > TURNED).any()):
        raise _error(judge, record, "gave probabilities P_ij and P_ji whose sum is not 1")
    return given


def scored_all(judge: Judge, records: Sequence[Record], responses: Sequence[Sequence[Any]]) -> list[list[float]]:
    """A judge's scores of the responses to several records, asked for at once; see `scored`.

    Where the judge fails, the records are asked for one after another, so that the error names the right one and the
    judgements before it are kept where they are cached.

    Raises:
        PenchantError: as for `scored`.
    """
    given = _all_at_once(lambda: judge.score_all([each.prompt for each in records], responses), len(records))
    if given is None:
        return [scored(judge, *each) for each in zip(records, responses, strict=True)]
    return [_scores(judge, *each) for each in zip(records, responses, given, strict=True)]


def compared_all(judge: Judge, records: Sequence[Record], responses: Sequence[Sequence[Any]]) -> list[Tensor]:
    """A judge's comparisons of the responses to several records, asked for at once; see `compared` and `scored_all`.

    Raises:
        PenchantError: as for `compared`.
    """
    given = _all_at_once(lambda: judge.compare_all([each.prompt for each in records], responses), len(records))
    if given is None:
        return [compared(judge, *each) for each in zip(records, responses, strict=True)]
    return [_table(judge, *each) for each in zip(records, responses, given, strict=True)]


def _all_at_once(ask: Callable[[], Sequence[Any]], count: int) -> Sequence[Any] | None:
    """What a judge gives for several records; None if it fails, or gives something else than one thing for each."""
    try:
        given = ask()
    except Exception:  # asked again, one record at a time
        return None
    return given if isinstance(given, list | tuple) and len(given) == count else None


def _number(given: Any) -> float:
    if isinstance(given, str | bytes | bytearray):
        raise ValueError("not a number")
    try:
        return float(given.item() if callable(getattr(given, "item", None)) else given)
    except Exception:  # of any library's kind of number
        raise ValueError("not one number") from None


def _score(value: Any, judge: Judge, record: Record, response: Any) -> float:
    try:
        number = math.nan if value is None else _number(value)
        return number if math.isnan(number) else one_number(number)
    except ValueError as error:
        raise _error(judge, record, f"gave {_cut(value)}, which is {error}", response) from None


def _asked(judge: Judge, record: Record, ask: Callable[[], T]) -> T:
    """What a judge answers; its errors name the record."""
    try:
        return ask()
    except PenchantError as error:
        where = f"{record.source}, {error.where}" if error.where else str(record.source)
        raise type(error)(error.what, where=where, why=error.why, fix=error.fix) from error.__cause__
    except Exception as error:
        raise _error(judge, record, f"raised {type(error).__name__}: {error}") from error


def _error(judge: Judge, record: Record, what: str, response: Any = None) -> ConfigurationError:
    to = "" if response is None else f" and the response {_cut(response)}"
    return ConfigurationError(
        f"The judge {judge.id or type(judge).__name__} {what}, for the prompt {_cut(as_text(record.prompt))}{to}.",
        where=f"{record.source}, judge",
        fix="A judge gives one finite number for each response, or NaN for one that it cannot score.",
    )


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
