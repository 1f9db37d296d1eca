"""What a model holds of a set: against plain forward passes, by hand, and after relearning."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.unlearning.evaluating import evaluate_unlearning, load_subject, measure_model, read_sets
from penchant.evaluation.unlearning.known import knowledge_line, unknown_reason
from penchant.evaluation.unlearning.measuring import Subject, measure_set
from penchant.evaluation.unlearning.questions import questions_of
from penchant.evaluation.unlearning.relearning import Attack, relearning_curve
from penchant.feedback import read
from small_runs import pairs, word_tokenizer


def facts(count: int, start: int = 0, **fields: Any) -> list[dict[str, Any]]:
    rows = pairs()[start : start + count]
    return [{"prompt": row["prompt"], "completion": row["chosen"], **fields} for row in rows]


@pytest.fixture(scope="module")
def subject() -> Subject:
    torch.manual_seed(0)
    return load_subject(tiny_model("llama").eval(), word_tokenizer())


def test_nll_and_extraction_are_those_of_a_plain_forward_pass(subject: Subject) -> None:
    wanted = questions_of("forget", read(facts(4)))
    held = measure_set(subject, wanted, say=False)
    for place, each in enumerate(wanted.questions):
        asked, said = subject.sequence(each.prompt, each.answer)[:2]
        logits = subject.model(torch.tensor([[*asked, *said]])).logits[0, len(asked) - 1 : -1].log_softmax(-1)
        logps = logits[torch.arange(len(said)), torch.tensor(said)]
        assert held.answers.gold[place] == pytest.approx(-float(logps.mean()), abs=1e-4)
        right = (logits.argmax(-1) == torch.tensor(said)).tolist()
        needed = max((at + 1 for at, each in enumerate(right) if not each), default=0)
        assert held.extraction[place] == pytest.approx(1 - needed / len(said))


def test_paraphrase_and_wrong_answers_come_from_the_record_and_else_from_other_records(subject: Subject) -> None:
    own = questions_of("forget", read(facts(2, perturbed=[" the car is red"], paraphrase=" a car")))
    assert not own.borrowed and own.questions[0].wrong == (" the car is red",) and own.notes == []
    lent = questions_of("forget", read(facts(4)))
    assert lent.borrowed and len(lent.questions[0].wrong) == 3 and "answers of other records" in lent.notes[0]
    assert lent.questions[0].answer not in lent.questions[0].wrong
    alone = questions_of("forget", read(facts(1)))
    assert "no truth ratio" in alone.notes[0] and not measure_set(subject, alone, say=False).answers.wrong
    some = questions_of("forget", read([*facts(2), *facts(1, 2, perturbed=[" the hat"])]))
    held = measure_set(subject, some, say=False)
    assert some.left_out == 2 and len(held.answers.ratios()) == 1 and len(held.answers.gold) == 3
    with pytest.raises(DataError, match=r"memory:1: The field 'perturbed' is '7', expected a list of texts"):
        questions_of("forget", read(facts(1, perturbed=7)))
    with pytest.raises(DataError, match="has a record with 2 responses"):
        questions_of("forget", read(pairs()[:2]))


def test_a_limit_takes_questions_from_the_whole_file() -> None:
    every, few = (questions_of("retain", read(facts(12)), limit) for limit in (None, 4))
    assert [each.row for each in few.questions] == [each.row for each in every.questions[::3]]


def test_every_figure_has_direction_and_range_and_a_model_is_not_told_from_itself(subject: Subject) -> None:
    report = evaluate_unlearning(
        subject.model,
        facts(4),
        facts(4, 4),
        tokenizer=word_tokenizer(),
        retrained=subject.model,
        kept={"world_facts": facts(2, 8, perturbed=[" a red lamp"])},
        holdout=facts(2, 10),
        attack=Attack(records=1, steps=2, points=1),
    )
    rows = {row["key"]: row for row in report["figures"]}
    assert {"model_utility", "membership/loss", "membership/min_k", "world_facts/truth_ratio"} <= set(rows)
    assert rows["forget_quality"]["values"] == {"after": 1.0, "retrained": 1.0}
    for row in rows.values():
        assert row["better"] in ("lower", "higher", "0.5") and row["range"] in ("0 to 1", "from 0")
        assert row["values"]["after"] == row["values"]["retrained"]
        assert row["range"] == "from 0" or 0 <= row["values"]["after"] <= 1
    opposite = {rows[f"{name}/probability"]["better"] for name in ("forget", "retain")}
    assert opposite == {"lower", "higher"}
    curve = report["relearning"]["curves"]["after"]
    assert [each["step"] for each in curve] == [0, 2] and curve == report["relearning"]["curves"]["retrained"]
    assert len(report["samples"]) == 4 and set(report["samples"][0]["said"]) == {"after", "retrained"}


def test_without_a_retrained_model_the_report_says_what_is_missing(subject: Subject) -> None:
    report = evaluate_unlearning(subject.model, facts(3), tokenizer=word_tokenizer(), attack=Attack(steps=0))
    assert any("--retrained" in note for note in report["notes"]) and not report["relearning"]
    assert not {"forget_quality", "model_utility"} & {row["key"] for row in report["figures"]}


def test_relearning_teaches_a_copy_and_leaves_the_model_as_it_was(subject: Subject) -> None:
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    forget = questions_of("forget", read(facts(6)))
    curve = relearning_curve(subject, forget, Attack(records=2, steps=6, points=2, learning_rate=1e-2))
    assert [each["step"] for each in curve] == [0, 3, 6] and curve[-1]["nll_seen"] < curve[0]["nll_seen"] - 0.2
    assert all(torch.equal(before[name], value) for name, value in subject.model.state_dict().items())
    with pytest.raises(ConfigurationError, match="is not possible"):
        Attack(records=0)


def test_a_model_that_knows_nothing_is_found_out_and_one_that_knows_is_not(subject: Subject) -> None:
    sets = read_sets(facts(4), facts(4, 4))
    unknown = measure_model(subject, sets, say=False).sets
    assert unknown_reason(unknown["forget"], unknown["retain"], 40) is not None
    assert f"{unknown['forget'].nll:.2f} nats per token on the forget" in knowledge_line(unknown["forget"], None)
    everything = questions_of("all", read(facts(8)))
    taught = load_subject(tiny_model("llama"), word_tokenizer())
    optimizer = torch.optim.Adam(taught.model.parameters(), lr=1e-2)
    from penchant.likelihood.forest_scorer import scorer_of
    from penchant.likelihood.logps import token_logps

    sequences = [taught.sequence(each.prompt, each.answer) for each in everything.questions]
    with scorer_of(taught.model) as scorer:
        for _ in range(60):
            optimizer.zero_grad()
            (-token_logps(scorer, sequences).sum() / 30).backward()
            optimizer.step()
    knows = measure_model(taught, sets).sets
    assert unknown_reason(knows["forget"], knows["retain"], 40) is None
    assert knows["forget"].answers.probability() > 0.5 > math.exp(-unknown["forget"].nll)
    assert sum(knows["forget"].answers.rouge) > 2
