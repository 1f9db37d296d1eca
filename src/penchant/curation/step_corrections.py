"""The builder ``step-corrections``: first wrong steps of solutions, each against right steps of the policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval

from penchant.curation.builder import Builder, Progress
from penchant.curation.kept import state_of
from penchant.curation.kept_samples import KeptSamples, sampling_engine
from penchant.curation.rows import Built
from penchant.errors import DataError
from penchant.feedback.passages import STEPS_BEFORE
from penchant.feedback.records import Record, Text
from penchant.feedback.tools import template_columns
from penchant.feedback.values import wrong
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Sampling
from penchant.rendering.steps import plain_text, step_spans
from penchant.rewards.verifiers import Rule, Verifier

__all__ = ["Begun", "ContinuingEngine", "StepCorrections"]

FIRST_WRONG = "first_wrong_step"
_STEP = re.compile(r"\S.*")


@dataclass(frozen=True)
class Begun:
    """A prompt, and the text with which its response begins."""

    prompt: Text
    before: str


class ContinuingEngine(InProcessEngine):
    """Samples what follows the beginning of a response; its prompts are `Begun`."""

    def prompt_ids(self, prompt: Any) -> list[int]:
        """The tokens of a prompt and of what its response begins with."""
        begun = self.renderer.sampled_ids(prompt.prompt, prompt.before)[:-1] if prompt.before else []
        return [*super().prompt_ids(prompt.prompt), *begun]


@dataclass
class _Solution:
    """A wrong solution, with what is known of its first wrong step."""

    record: Record
    text: str
    steps: list[tuple[int, int]]
    marked: int | None
    #: The number of right steps that were tried last, and the right continuations of one step less.
    depth: int = 0
    corrections: list[str] | None = None

    def begun(self) -> Begun:
        return Begun(self.record.prompt, self.text[: self.steps[self.depth][0]])


class StepCorrections(Builder):
    """The first wrong step of a solution against steps of the policy's own that lead to the right answer.

    For each wrong solution, the model continues after each of its steps. The first step after which no continuation
    reaches the right answer, while one from before it does, is the first wrong step: it is rejected, and the first
    steps of the right continuations from before it are chosen. Both follow the same text, the field ``steps_before``;
    only the tokens of the step itself are learned, without an end token. More samples make the first wrong step surer.

    A solution is wrong if the rule says so of its answer. Records of one solution may have the field
    ``first_wrong_step`` (from 1), said by a judge; then the model continues from before that step alone. Steps are
    those of the column ``steps``, or lines.

    Reference:
        Lai et al. (2024), Step-DPO: Step-wise Preference Optimization for Long-chain Reasoning of LLMs,
        arXiv:2406.18629.
    """

    id = "step-corrections"
    reads = "records with an answer and solutions"
    writes = (STEPS_BEFORE,)

    model: Annotated[str, "folder or hub id of the model that continues, usually the one to train"]
    rule: Annotated[Rule, "when a solution is right, as of the judge verifier"] = "number"
    solutions: Annotated[int, Ge(1), "most wrong solutions of a record, the first ones"] = 1
    most: Annotated[int | None, Ge(1), "most pairs of a solution; all if absent"] = None
    count: Annotated[int, Ge(1), "continuations sampled after a step"] = 8
    max_new_tokens: Annotated[int, Ge(1), "maximum tokens of a continuation"] = 256
    temperature: Annotated[float, Gt(0), "sampling temperature"] = 0.8
    top_p: Annotated[float, Interval(gt=0, le=1), "probability mass of nucleus sampling"] = 1.0
    chat_template: Annotated[str | None, "template: plain, chatml, or a Jinja file; default: the tokenizer's"] = None
    longest_prompt: Annotated[int | None, "maximum tokens of a prompt, cut on the left"] = None
    batch_size: Annotated[int, Gt(0), "continuations generated at once"] = 64
    device: Annotated[str | None, "device of the model; default: the GPU if there is one"] = None
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the pairs of all solutions."""
        return self.build_resumably(records, None, lambda *_: None)  # type: ignore[arg-type]

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Build resumably: the corrections of finished solutions are stored.

        Raises:
            DataError: a record has no answer or no solution, or says of a step that there is not that it is wrong.
        """
        every, built = list(records), Built([])
        verifier = Verifier.of_records(every, self.rule)
        asked = [each for record in every for each in self._wrong(record, verifier, built)]
        of = [(str(each.record.source), each.text) for each in asked]
        kept = KeptSamples[list[Any]](keep, of, {**self.settings, "of": state_of(self.model)})
        engine = sampling_engine(self.settings, ContinuingEngine) if len(kept.found) < len(asked) else None
        at_once = max(1, self.batch_size // self.count)
        while len(kept.found) < len(asked):
            assert engine is not None
            start = len(kept.found)
            several = asked[start : start + at_once]
            # The seed of a chunk follows from its place, so a build that goes on draws what it would have drawn.
            self._correct(several, engine, verifier, self.seed + start)
            kept.add([[each.depth, each.corrections] for each in several])
            progress(len(kept.found), len(asked), self.model)
        for solution, (depth, corrections) in zip(asked, kept.found, strict=True):
            self._add(solution, depth, corrections, built)
        built.count("comparisons", len(built.rows))
        return built

    def _wrong(self, record: Record, verifier: Verifier, built: Built) -> list[_Solution]:
        """The record's wrong solutions, at most ``solutions``."""
        if not record.responses:
            raise DataError(
                "The record has no solution.",
                where=str(record.source),
                why="Corrections begin where a solution goes wrong.",
                fix="Add wrong solutions: completion, or completions; penchant generate samples some.",
            )
        texts = [plain_text(each, record) for each in record.responses]
        marked = _marked_step(record, step_spans(record))
        scores = verifier.score(record.prompt, texts)
        found = [
            _Solution(record, text, steps, marked)
            for text, steps, score in zip(texts, step_spans(record), scores, strict=True)
            if score == 0 and steps
        ]
        built.count("records read")
        built.count("dropped: no solution of the record is wrong", int(not found))
        built.count("wrong solutions", len(found[: self.solutions]))
        return found[: self.solutions]

    def _correct(self, several: Sequence[_Solution], engine: Any, verifier: Verifier, seed: int) -> None:
        """Find the first wrong step of each, and the right continuations from before it."""
        sampling = Sampling(self.count, self.max_new_tokens, self.temperature, self.top_p)
        for each in several:
            each.depth = 0 if each.marked is None else each.marked - 1
        active = list(several)
        while active:
            asked = [each.begun() for each in active]
            drawn = engine.sample(asked, sampling, seed=seed)
            going = []
            for each, begun, responses in zip(active, asked, drawn, strict=True):
                texts = [response.text for response in responses]
                scores = verifier.score(begun.prompt, [begun.before + text for text in texts])
                right = [text for text, score in zip(texts, scores, strict=True) if score > 0]
                if right:
                    each.corrections, each.depth = right, each.depth + 1
                if right and each.marked is None and each.depth < len(each.steps):
                    going.append(each)
            active = going

    def _add(self, solution: _Solution, depth: int, corrections: list[str] | None, built: Built) -> None:
        """The pairs of a solution: ``depth`` is the number of its first wrong step, from 1."""
        if corrections is None:
            built.count("dropped: no continuation reaches the right answer")
            return
        start, end = solution.steps[depth - 1]
        rejected = solution.text[start:end].strip()
        said = {" ".join(rejected.split())}
        rows = []
        for text in corrections:
            step = _STEP.search(text)
            own = "" if step is None else step.group().strip()
            if own and " ".join(own.split()) not in said:
                said.add(" ".join(own.split()))
                rows.append(_row(solution, depth, own, rejected))
        built.count("dropped: all corrections repeat the step", int(not rows))
        built.rows.extend(rows[: self.most])


def _marked_step(record: Record, steps: Sequence[Sequence[tuple[int, int]]]) -> int | None:
    """The record's field ``first_wrong_step``."""
    marked = record.fields.get(FIRST_WRONG)
    if marked is None:
        return None
    if len(steps) != 1 or isinstance(marked, bool) or not isinstance(marked, int) or not 1 <= marked <= len(steps[0]):
        count = f"1 to {len(steps[0])}" if len(steps) == 1 else "absent where a record has several solutions"
        raise wrong(FIRST_WRONG, marked, f"the number of a step, {count}", record.source)
    return marked


def _row(solution: _Solution, depth: int, chosen: str, rejected: str) -> dict[str, Any]:
    """The comparison of a correction with the wrong step."""
    record = solution.record
    of_lists = ("completion_fields", "steps", FIRST_WRONG)
    return {
        "prompt": record.prompt,
        STEPS_BEFORE: solution.text[: solution.steps[depth - 1][0]],
        "chosen": chosen,
        "rejected": rejected,
        **{name: value for name, value in record.fields.items() if name not in of_lists},
        **template_columns(record),
        "step": depth - 1,
    }
