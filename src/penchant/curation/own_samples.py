"""The builder ``samples``: what a model itself answers to each prompt."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval

from penchant.checks.duplicates import content_key
from penchant.curation.builder import Builder, Progress
from penchant.curation.kept import state_of
from penchant.curation.kept_samples import KeptSamples, sampling_engine
from penchant.curation.rows import Built, as_row
from penchant.errors import ModelError
from penchant.feedback.records import Judgement, Record
from penchant.generation.responses import Sampling

__all__ = ["OwnSamples"]


class OwnSamples(Builder):
    """The model's own responses to each prompt, in the field ``samples``.

    The objective ``d2o`` holds them against a bad response. All records of a prompt get the same samples. Desirable
    judgements are kept without samples, since they are no bad responses. Empty samples are left out, and a record
    whose samples are all empty is dropped. A record that has the field keeps it.

    The same seed, model and settings give the same samples; a stopped build goes on where it was.

    Reference:
        Duan, Yi, Zhang, Lu, Xie, Gu (2024), Negating Negatives: Alignment without Human Positives via Distributional
        Dispreference Optimization.
    """

    id = "samples"
    reads = "records with prompts"
    writes = ("samples",)

    model: Annotated[str, "folder or hub id of the model that samples, usually the one to train"]
    count: Annotated[int, Ge(1), "samples K of each prompt"] = 4
    max_new_tokens: Annotated[int, Ge(1), "maximum tokens of a sample"] = 128
    temperature: Annotated[float, Gt(0), "sampling temperature"] = 1.0
    top_p: Annotated[float, Interval(gt=0, le=1), "probability mass of nucleus sampling"] = 1.0
    chat_template: Annotated[str | None, "template: plain, chatml, or a Jinja file; default: the tokenizer's"] = None
    longest_prompt: Annotated[int | None, "maximum tokens of a prompt, cut on the left"] = None
    batch_size: Annotated[int, Gt(0), "responses generated at once"] = 64
    device: Annotated[str | None, "device of the model; default: the GPU if there is one"] = None
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Add samples to each record."""
        return self.build_resumably(records, None, lambda *_: None)  # type: ignore[arg-type]

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Build resumably: the samples of finished prompts are stored."""
        every = list(records)
        wanted = [record for record in every if _asks(record)]
        prompts = list({content_key(record.prompt): record.prompt for record in wanted}.values())
        samples = dict(zip(map(content_key, prompts), self._sampled(prompts, keep, progress), strict=True))
        return _built(every, samples)

    def _sampled(self, prompts: Sequence[Any], keep: Path | None, progress: Progress) -> list[list[str]]:
        kept = KeptSamples[list[str]](keep, prompts, {**self.settings, "of": state_of(self.model)})
        if len(kept.found) == len(prompts):
            return kept.found
        engine = sampling_engine(self.settings)
        sampling = Sampling(self.count, self.max_new_tokens, self.temperature, self.top_p)
        at_once = max(1, self.batch_size // self.count)
        while len(kept.found) < len(prompts):
            start = len(kept.found)
            # The seed of a chunk follows from its place, so a build that goes on draws what it would have drawn.
            several = engine.sample(prompts[start : start + at_once], sampling, seed=self.seed + start)
            kept.add([[response.text for response in own] for own in several])
            progress(len(kept.found), len(prompts), self.model)
        return kept.found


def _asks(record: Record) -> bool:
    """Whether samples are drawn for the record."""
    liked = isinstance(record, Judgement) and record.label
    return not liked and record.fields.get("samples") is None


def _built(records: Sequence[Record], samples: dict[Hashable, list[str]]) -> Built:
    built = Built([], {"records read": len(records), "prompts sampled": len(samples)})
    for record in records:
        row = as_row(record)
        if not _asks(record):
            built.count("records kept as they are")
            built.rows.append(row)
            continue
        found = samples[content_key(record.prompt)]
        texts = [text for text in found if text.strip()]
        built.count("empty samples left out", len(found) - len(texts))
        if not texts:
            built.count("dropped: all samples are empty")
            continue
        built.rows.append({**row, "samples": texts})
    if samples and not any("samples" in row for row in built.rows):
        raise ModelError("Every sample of the model is empty.", fix="Check its chat template: --chat-template.")
    built.count("rows with samples", sum("samples" in row for row in built.rows))
    return built
