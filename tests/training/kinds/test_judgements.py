"""Judgements and pairs become each other, and the classes of judgements are counted, weighted and warned of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.feedback.conversion.from_judgements import compared_judgements
from penchant.feedback.records import Comparison
from penchant.feedback.unpairing import unpaired
from penchant.objectives import build
from penchant.objectives.functional.class_weights import balancing_weights
from penchant.training import Result, make_recipe
from penchant.training.preparation import Given, prepare
from penchant.training.progress import ProgressReporter
from small_runs import COLOURS, THINGS, losses, pairs

Train = Callable[..., Result]
Row = dict[str, Any]
TEXTS = st.text("abc", min_size=1, max_size=3)


@st.composite
def rows_of_pairs(draw: st.DrawFn) -> list[Row]:
    """Pairs of few prompts and few texts, so that many coincide; some with weights and further fields."""
    rows = []
    for number in range(draw(st.integers(1, 8))):
        chosen, rejected = draw(TEXTS), draw(TEXTS)
        row: Row = {"prompt": draw(st.sampled_from("xy")), "chosen": chosen, "rejected": rejected + "!"}
        if draw(st.booleans()):
            row |= {"weight": draw(st.sampled_from([0.5, 2.0])), "margin": number}
        rows.append(row)
    return rows


@given(rows_of_pairs())
def test_pairs_come_back_from_their_judgements(rows: list[Row]) -> None:
    before = read(rows)
    after = compared_judgements(unpaired(before))
    assert after.left == 0 and after.judgements == 2 * len(rows)
    assert list(after.feedback) == list(before) and after.feedback.fingerprint == before.fingerprint


@given(st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=10))
def test_judgements_come_back_from_their_pairs_up_to_those_without_a_partner(given_: list[Any]) -> None:
    rows = [{"prompt": prompt, "completion": text, "label": label} for prompt, text, label in given_]
    made = compared_judgements(read(rows))
    back = [(each.prompt, each.completion, each.label) for each in unpaired(made.feedback)] if made.feedback else []
    rest = list(given_)
    for each in back:
        rest.remove(each)  # every one stood in the data, and no more often
    assert len(rest) == made.left


def test_joint_comparisons_come_back_with_both_prompts() -> None:
    rows = [{"prompt": "x", "chosen": "a", "rejected": "a", "rejected_prompt": "y"}] * 2
    before = read(rows)
    assert list(compared_judgements(unpaired(before)).feedback) == list(before)


def test_all_pairs_of_a_prompt_weigh_as_much_as_one_to_one() -> None:
    rows = [{"prompt": "x", "completion": text, "label": text in "ab"} for text in "abcde"]
    one, every, first = (compared_judgements(read(rows), how) for how in ("best_worst", "all", "best_rest"))
    texts = [(each.chosen, each.rejected) for each in one.feedback if isinstance(each, Comparison)]
    assert texts == [("a", "c"), ("b", "d")] and one.left == 1
    assert len(every.feedback) == 6 and every.left == 0
    assert sum(each.fields["weight"] for each in every.feedback) == pytest.approx(2.0)
    assert len(first.feedback) == 3 and first.left == 1


def thumbs(*labels: bool) -> list[Row]:
    return [
        {"prompt": f"which {THINGS[number % 6]}", "completion": f" the {COLOURS[number % 5]}", "label": label}
        for number, label in enumerate(labels)
    ]


def test_a_pair_file_trains_a_binary_objective_and_its_judgements_train_a_pairwise_one(train: Train) -> None:
    rows = pairs(8)
    judged = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in rows
        for side in ("chosen", "rejected")
    ]
    for objective in ("kto", "dpo"):
        runs = [train(f"{objective}{n}", data=data, objective=objective) for n, data in enumerate((rows, judged))]
        first, second = (losses(run.folder) for run in runs)
        assert first == second, objective


def said(folder: Path, data: list[Row], objective: Any, capsys: pytest.CaptureFixture[str]) -> str:
    """What a run says before it loads its model."""
    made = make_recipe({"model": str(folder), "data": "in memory", "max_steps": 1, "objective": objective})
    prepare(made, Given(data=data), ProgressReporter())
    return " ".join(capsys.readouterr().err.split())


def test_imitation_reads_the_desirable_and_d2o_the_undesirable_responses(
    train: Train, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "samples": [" the red car"]} for row in thumbs(True, False, False, True, False)]
    assert train("nll", data=rows, objective="nll").summary["examples"] == 2
    assert train("d2o", data=rows, objective="d2o").summary["examples"] == 3
    assert "the desirable responses are read: 2 of 5" in said(folder, rows, "nll", capsys)
    assert "the undesirable responses are read: 3 of 5" in said(folder, rows, "d2o", capsys)
    with pytest.raises(DataError, match="None of the 2 judgements is undesirable"):
        train("none", data=[{**row, "label": True} for row in rows[:2]], objective="d2o")


@given(st.integers(1, 1000), st.integers(1, 1000), st.sampled_from([0.5, 1.0, 3.0]))
def test_the_published_rule_holds_and_changes_one_weight(good: int, bad: int, other: float) -> None:
    for given_ in (("auto", other), (other, "auto"), ("auto", "auto")):
        liked, disliked = balancing_weights((good, bad), *given_)  # type: ignore[arg-type]
        ratio = liked * good / (disliked * bad)
        assert 1 - 1e-9 <= ratio <= 4 / 3 + 1e-9
        kept = [now for was, now in zip(given_, (liked, disliked), strict=True) if was != "auto"]
        assert kept == [other] if kept else 1.0 in (liked, disliked)
    assert balancing_weights((6, 5), "auto", 1.0) == (1.0, 1.0)


@pytest.mark.parametrize("name", ["kto", "kto-halos", "apo-zero-unpaired"])
def test_automatic_weights_are_those_of_the_training_data(
    name: str, train: Train, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = thumbs(True, False, False, False, False, True, False, False)
    own = {"name": name, "desirable_weight": "auto"}
    found = train("auto", data=rows, objective=own)
    written = train("number", data=rows, objective={"name": name, "desirable_weight": 3.0})
    assert losses(found.folder) == losses(written.folder)
    facts = {"desirable": 2, "undesirable": 6, "desirable_weight": 3.0, "undesirable_weight": 1.0}
    assert found.summary["labels"] == facts
    assert "2 desirable and 6 undesirable responses: desirable_weight 3" in said(folder, rows, own, capsys)
    assert "desirable_weight: 3.0" in (found.folder / "recipe.yaml").read_text()


def test_automatic_weights_need_both_classes_and_a_run(train: Train) -> None:
    with pytest.raises(ConfigurationError, match="'auto', but the training data have 2 desirable and 0 undesirable"):
        train(data=thumbs(True, True), objective={"name": "kto", "undesirable_weight": "auto"})
    with pytest.raises(ConfigurationError, match="which a run computes from its training data"):
        objective = build("apo-zero-unpaired", desirable_weight="auto")
        from objectives.drawing import of_ratios

        objective(responses=of_ratios([0.0]), label=of_ratios([0.0]).logp)


@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize("name", ["kto", "kto-halos", "bco", "apo-zero-unpaired"])
def test_one_class_alone_trains_and_is_warned_of(name: str, label: bool, train: Train) -> None:
    result = train(data=thumbs(*[label] * 5), objective=name, batch_size=1)
    assert len(losses(result.folder)) == 3
    word = "desirable" if label else "undesirable"
    assert any(f"All 5 training responses are {word}" in text for text in result.summary["warnings"])


def test_classes_far_from_balance_are_warned_of(train: Train) -> None:
    rows = thumbs(True, *[False] * 7)
    warned = train("kto", data=rows, objective="kto").summary["warnings"]
    assert any("desirable_weight=auto" in text for text in warned)
    assert not train("bco", data=rows, objective="bco").summary["warnings"]
