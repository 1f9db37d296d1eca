"""`Answering`: responses to the prompts of a file, by an engine, a way of prompting and a choice among samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penchant.feedback.records import Record, Text
from penchant.feedback.tools import template_columns
from penchant.generation.engines import Engine
from penchant.generation.in_process import InProcessEngine
from penchant.generation.prefix import PrefixCache
from penchant.generation.responses import Response, Sampling
from penchant.inference.choice import Choice, Picked
from penchant.inference.prompting.base import Prompting
from penchant.writing import output_errors_of

__all__ = ["Answering", "common_prefix"]

# Tokens from which on a common beginning of prompts is worth keeping.
SHORTEST_PREFIX = 16
# Fields of a row about its responses; those of the record are about other responses.
WRITTEN = frozenset({"response", "responses", "samples", "finished", "picked", "scores"})


def common_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The tokens with which all of the prompts begin, of each prompt at most all but the last.

    Example:
        >>> common_prefix([[1, 2, 3, 4], [1, 2, 5]])
        [1, 2]
    """
    shortest, longest = (list(each) for each in (min(map(tuple, prompts)), max(map(tuple, prompts))))
    size = next(
        (at for at, (a, b) in enumerate(zip(shortest, longest, strict=False)) if a != b), min(map(len, prompts))
    )
    return list(shortest[: min(size, min(map(len, prompts)) - 1)])


@dataclass
class Answering:
    """Answers prompts, some at a time.

    Args:
        engine: generates, with its model set.
        sampling: number of samples per prompt, length limit, temperature, nucleus.
        prompting: how prompts are put and answers read.
        choice: makes one response of the samples; None gives all of them.
        seed: of all draws.
    """

    engine: Engine
    sampling: Sampling
    prompting: Prompting
    choice: Choice | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.engine, InProcessEngine):
            self.engine.stop_strings = self.prompting.stops

    def rows(
        self, records: Sequence[Record], keep: Path | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[dict[str, Any]]:
        """One row per record: ``prompt``, ``response``, what the choice reports, and the further fields of the record.

        Several samples without a choice are the list ``samples``, and ``finished`` has a value for each.

        Args:
            records: hold the prompts, and what judges need.
            keep: a file of finished rows; a stopped run goes on after them. None keeps nothing.
            progress: called with the number of records done and the total.
        """
        kept = _Kept(keep, records, self._said())
        yield from kept.rows
        self._read_prefix(records)
        at_once = max(1, self.engine.at_once // self.sampling.samples)
        for start in range(len(kept.rows), len(records), at_once):
            part = records[start : start + at_once]
            rows = self._rows(part, self.seed + start)
            kept.add(rows)
            yield from rows
            if progress is not None:
                progress(start + len(part), len(records))

    def cut(self, records: Sequence[Record]) -> int:
        """The number of prompts that are longer than the model's context allows; their beginnings are cut off."""
        room = self.engine.longest_prompt
        if room is None:
            return 0
        asked = (self.prompting.ask(each.prompt) for each in records)
        return sum(len(self.engine.renderer.prompt_ids(each)) > room for each in asked)

    def _said(self) -> Any:
        chosen = [] if self.choice is None else [self.choice, *self.choice.judges]
        parts = [self.engine, self.prompting, *chosen]
        template = str(self.engine.renderer.chat_template)
        model = getattr(getattr(getattr(self.engine, "model", None), "config", None), "_name_or_path", "")
        return [[each.id, each.settings] for each in parts], vars(self.sampling), self.seed, model, template

    def _read_prefix(self, records: Sequence[Record]) -> None:
        """Read once what all prompts have in common, if the engine can use it."""
        engine = self.engine
        if type(engine).sample is not InProcessEngine.sample or engine.model is None or len(records) < 2:  # type: ignore[attr-defined]
            return
        found = common_prefix([engine.prompt_ids(self.prompting.ask(each.prompt)) for each in records])
        if len(found) >= SHORTEST_PREFIX:
            engine.prefix = PrefixCache(engine.model, found)  # type: ignore[attr-defined]

    def _sample(self, prompts: Sequence[Text], count: int, seed: int) -> list[list[Response]]:
        asked = [self.prompting.ask(prompt) for prompt in prompts]
        given = self.engine.sample(asked, replace(self.sampling, samples=count), seed=seed)
        return [[replace(each, text=self.prompting.answer(each.text)) for each in several] for several in given]

    def _rows(self, records: Sequence[Record], seed: int) -> list[dict[str, Any]]:
        if self.choice is not None:
            picked = self.choice.respond(records, self._sample, self.sampling.samples, seed)
            return [_picked_row(record, each) for record, each in zip(records, picked, strict=True)]
        given = self._sample([each.prompt for each in records], self.sampling.samples, seed)
        return [_row(record, several) for record, several in zip(records, given, strict=True)]


def _start(record: Record) -> dict[str, Any]:
    """The prompt with what its row holds beside it, without what an earlier run wrote into it."""
    more = {name: value for name, value in record.fields.items() if name not in WRITTEN}
    # Dates and other values of tables, which JSON does not have, become texts.
    return {**json.loads(json.dumps(more, default=str)), **template_columns(record), "prompt": record.prompt}


def _row(record: Record, given: Sequence[Response]) -> dict[str, Any]:
    if len(given) == 1:
        return {**_start(record), "response": given[0].text, "finished": given[0].finished}
    return {**_start(record), "samples": [each.text for each in given], "finished": [each.finished for each in given]}


def _picked_row(record: Record, picked: Picked) -> dict[str, Any]:
    response = picked.response
    row = {**_start(record), "response": None if response is None else response.text}
    row |= {"finished": response is not None and response.finished, "picked": picked.place}
    row["samples"] = [each.text for each in picked.samples]
    if picked.scores:
        row["scores"] = [each if abs(each) < float("inf") else None for each in picked.scores]
    return {**row, **picked.facts}


class _Kept:
    """Finished rows of a run, on disk if there is a file: a first line that names the run, then a row a line."""

    def __init__(self, path: Path | None, records: Sequence[Record], said: Any) -> None:
        asked = [[each.prompt, each.fields, template_columns(each)] for each in records]
        text = json.dumps([asked, said], default=str)
        self.path, self.rows = path, list[dict[str, Any]]()
        self._key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if path is None:
            return
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        if lines and lines[0] == self._key:
            for line in lines[1:]:
                try:
                    self.rows.append(json.loads(line))
                except ValueError:  # the line that was being written
                    break
        # Written anew, without a half-written end.
        with output_errors_of(path, "The responses"):
            path.write_text("\n".join([self._key, *map(json.dumps, self.rows), ""]), encoding="utf-8")

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep further rows."""
        if self.path is not None:
            with output_errors_of(self.path, "The responses"), self.path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
