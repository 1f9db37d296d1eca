"""Solutions whose steps have rated alternatives, as in PRM800K: the alternatives of one step are a ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from penchant.errors import DataError
from penchant.feedback.kept import Kept
from penchant.feedback.known.layout import Gathered, Layout, Placed, Row, Rows, empty, figure, object_in, unnamed
from penchant.feedback.passages import STEPS_BEFORE
from penchant.feedback.records import Source
from penchant.feedback.trees import joined
from penchant.feedback.values import wrong

__all__ = ["RATED_STEPS"]

_UNRATED, _EQUAL = "alternatives without a rating", "steps without two ratings that differ"


def _steps(row: Row) -> Sequence[Any]:
    """The steps of a solution, empty for a row of another layout."""
    problem, steps = object_in(row.get("question")).get("problem"), object_in(row.get("label")).get("steps")
    found = steps if isinstance(problem, str) and isinstance(steps, list | tuple) else ()
    return found if all(isinstance(each, Mapping) and "completions" in each for each in found) else ()


def _gathered(rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]) -> Gathered:
    """For every solution a ranking of each step whose alternatives have different ratings."""
    found: Kept[Placed] = Kept()
    left: Counter[str] = Counter()
    first: int | None = None
    read = 0
    for at, row in rows:
        if isinstance(row, DataError) or not matches(row):
            found.append((at, row))
            continue
        first, read = at if first is None else first, read + 1
        try:
            found.extend([(at, ranking) for ranking in _rankings(row, sources[at], left)])
        except DataError as error:
            found.append((at, error))
    if first is not None and not found:
        found.append((first, _nothing(left, sources[first])))
    return Gathered(found, read, left)


def _nothing(left: Mapping[str, int], source: Source) -> DataError:
    return DataError(
        f"No step has two alternatives with different ratings: {', '.join(f'{n} {what}' for what, n in left.items())}.",
        where=source.file,
        why="Penchant compares alternatives of one step; it has no kind of feedback for a single step.",
        fix="Give solutions whose steps have several rated alternatives.",
    )


def _rankings(row: Row, source: Source, left: Counter[str]) -> Iterator[dict[str, Any]]:
    question, label = object_in(row["question"]), object_in(row["label"])
    rest = {**unnamed(row, ["question", "label"]), **unnamed(question, ["problem"]), **unnamed(label, ["steps"])}
    about = {name: value for name, value in rest.items() if not empty(value)}
    before: list[str] = []
    steps = _steps(row)
    for place, step in enumerate(steps):
        given = step["completions"] or ()
        texts = [_text(each, f"label.steps[{place}].completions", source) for each in given]
        rated = [
            {"text": text, "score": figure(each["rating"], "rating", source)}
            for text, each in zip(texts, given, strict=True)
            if not empty(each.get("rating"))
        ]
        left[_UNRATED] += len(given) - len(rated)
        if len({each["score"] for each in rated}) > 1 and len({each["text"] for each in rated}) > 1:
            lead = joined(before) + "\n" if before else ""
            yield {"prompt": question["problem"], STEPS_BEFORE: lead, **about, "step": place, "completions": rated}
        else:
            left[_EQUAL] += 1
        if place + 1 < len(steps):
            before.append(_taken(step, texts, place, source))


def _text(given: Any, field: str, source: Source) -> str:
    text = given.get("text") if isinstance(given, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        raise wrong(field, given, "objects with the text of a step and its rating", source)
    return text


def _taken(step: Mapping[str, Any], texts: Sequence[str], place: int, source: Source) -> str:
    """The alternative with which the solution goes on."""
    chosen, written = step.get("chosen_completion"), step.get("human_completion")
    if not empty(chosen):
        number = figure(chosen, "chosen_completion", source)
        if number in range(len(texts)):
            return texts[int(number)]
    elif isinstance(written, Mapping):
        return _text(written, f"label.steps[{place}].human_completion", source)
    raise wrong(
        f"label.steps[{place}].chosen_completion",
        chosen,
        f"the number of one of {len(texts)} alternatives, since the solution goes on",
        source,
    )


RATED_STEPS = (
    Layout(
        name="PRM800K",
        columns="`question` (`problem`), `label` (`steps` with `completions` of `text` and `rating`, "
        "`chosen_completion`)",
        kind="ranking",
        says="the rated alternatives of one step are a ranking, of which only the step is learned; the steps chosen "
        "before it are context; steps without two different ratings are left out and counted",
        matches=lambda row: bool(_steps(row)),
        gather=_gathered,
    ),
)
