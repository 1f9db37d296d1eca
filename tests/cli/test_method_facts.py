"""What is known of a method beyond its class agrees with what the program does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from penchant.cli.method_facts import BY_THE_RUN, claims_in_words, data_in_words, evidence_in_words, responses_in_words
from penchant.errors import PenchantError
from penchant.feedback import read
from penchant.lab.claims.record import verdicts
from penchant.likelihood import DenoisingScorer, schedule_of
from penchant.likelihood.image_batch import ImageEncoder
from penchant.likelihood.pipelines import PipelineCodec
from penchant.objectives import get, names, requirements, wrapper_names
from penchant.objectives.core.family import WRAPPERS
from penchant.receipts import agreement
from small_images import ddpm, image_pairs, pipeline, unet

METHODS = [get(name) for name in names()]
#: Record fields that some method reads, for a pair of images.
FIELDS = (
    "probability",
    "margin",
    "chosen_score",
    "rejected_score",
    "chosen_win_rate",
    "rejected_win_rate",
    "preference_probability",
    "chosen_from_reference",
    "rejected_from_reference",
)


@pytest.fixture(scope="module")
def codec() -> PipelineCodec:
    return PipelineCodec(pipeline())


@pytest.fixture(scope="module")
def scorer() -> DenoisingScorer:
    return DenoisingScorer(unet(), schedule_of(ddpm()))


def examples_of_images(cls: Any, codec: PipelineCodec) -> list[Any]:
    """Examples of the kind of feedback on images that suits a method."""
    wanted = requirements(cls)
    rows = image_pairs(4, **dict.fromkeys(FIELDS, [0.75] * 4))
    one = [
        {"prompt": row["prompt"], "image": row["chosen_image"], "label": place % 2} for place, row in enumerate(rows)
    ]
    records = read(one if {"label", "forget", "retain"} & {*wanted.views, *wanted.fields} else rows).records
    fields = [name for name in wanted.fields if name != "record_index"]
    views = [name for name in wanted.views if name != "mismatched"]
    return ImageEncoder(codec, views, fields, wanted.optional).encode(records).examples


def losses_on_images(cls: Any, codec: PipelineCodec, scorer: DenoisingScorer) -> torch.Tensor:
    batch = scorer.collate(examples_of_images(cls, codec), step=0)
    needs = requirements(cls).needs
    views = scorer.score_batch(batch, scorer.reference("initial" if needs.reference else "none"), needs)
    if "mismatched" in requirements(cls).views:
        views["mismatched"] = views["responses"]
    index = {"record_index": torch.arange(4.0)} if "record_index" in requirements(cls).fields else {}
    return cls()(**views, **batch.fields, **index).values


@pytest.mark.parametrize("cls", [cls for cls in METHODS if "images" in responses_in_words(cls)], ids=lambda cls: cls.id)
def test_what_is_listed_for_images_has_a_loss_on_images(
    cls: Any, codec: PipelineCodec, scorer: DenoisingScorer
) -> None:
    losses = losses_on_images(cls, codec, scorer)
    assert losses.isfinite().all() and len(losses) > 0


@pytest.mark.parametrize(
    "name", ["wpo", "sparse-token-mask", "pairwise-normalized-gradient", "rationale-dpo", "infifpo"]
)
def test_what_is_listed_for_texts_alone_is_refused_for_images(
    name: str, codec: PipelineCodec, scorer: DenoisingScorer
) -> None:
    assert responses_in_words(get(name)) == "text"
    with pytest.raises(PenchantError):
        losses_on_images(get(name), codec, scorer)


def test_the_words_for_data_name_every_field_that_a_method_cannot_do_without() -> None:
    for cls in METHODS:
        wanted = requirements(cls)
        said = data_in_words(cls)
        for name in set(wanted.fields) - BY_THE_RUN - {"label", "scores", "ranks"}:
            assert f"`{name}`" in said, cls.id
            assert (f"(with `{name}`" in said or f", `{name}`" in said) or name not in wanted.optional, cls.id


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dpo", "pairs"),
        ("kto", "thumbs (single responses, each labelled good or bad)"),
        ("infonca-reward", "ranked lists (several responses with scores or ranks)"),
        ("nll", "demonstrations, or the chosen side of pairs"),
        ("grpo", "prompts and a judge"),
        ("grad-diff", "two sources of demonstrations: `forget`, `retain`"),
        ("rationale-dpo", "pairs with `rationale`"),
        ("mapl", "pairs (with `matching_prompt`, `altered_prompt`, `extended_prompt`)"),
        ("averaged", "as the objective inside"),
    ],
)
def test_the_data_in_words(name: str, words: str) -> None:
    assert data_in_words(get(name)) == words


def test_evidence_of_official_code_has_cases_and_no_other_evidence_has() -> None:
    for cls in [*METHODS, *map(get, wrapper_names())]:
        if cls.family != WRAPPERS:
            if cls.evidence.kind != "reconstruction":  # parts of which may be those of published code
                assert ("agree" in evidence_in_words(cls)) == cls.evidence.kind.endswith(" code"), cls.id
            assert (agreement(cls.id) is not None) == ("agree" in evidence_in_words(cls))


def test_cases_that_differ_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.receipts.record.agreement", lambda method: (1, 3))
    assert evidence_in_words(get("dpo")) == "official code (1 of 3 cases agree)"


def test_every_verdict_counts_once() -> None:
    for cls in METHODS:
        counted = sum(int(part.split()[0]) for part in claims_in_words(cls).split(", ") if part)
        assert counted == len(verdicts(cls.id)), cls.id
