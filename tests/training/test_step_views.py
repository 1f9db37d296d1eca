"""Views of the step in training: KTO end to end, and a probe for which every law of training holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.forest import Encoder, Supply, collate, plan_batches
from penchant.objectives import Needs, Objective, Scored
from penchant.objectives.core.registry import OBJECTIVES
from penchant.rendering import Renderer
from penchant.training import Result
from penchant.training.data import training_loader
from small_runs import both_sides, largest_gap, losses, metrics, pairs, weights, word_tokenizer

Train = Callable[..., Result]
EXACT = 1e-6


def judged() -> list[dict[str, Any]]:
    """Single responses in TRL's columns, two desirable ones to each undesirable one."""
    found = []
    for number, row in enumerate(pairs()):
        good = number % 3 != 2
        found.append({"prompt": row["prompt"], "completion": row["chosen" if good else "rejected"], "label": good})
    return found


@pytest.fixture
def probe() -> Iterator[Objective]:
    """A loss of single examples that differentiates the mismatched responses, so that a wrong partner is seen."""

    class StepProbe(Objective):
        """loss = ±(log-ratio of the response − log-ratio of the mismatched one)."""

        id = "step-probe"
        needs: ClassVar[Needs] = Needs(reference=True)  # type: ignore[misc]

        def loss(self, responses: Scored, label: Tensor, mismatched: Scored) -> Tensor:
            """Each example's own."""
            gap = responses.logratio - 0.5 * mismatched.logratio + 0.01 * mismatched.logp
            return torch.nn.functional.softplus(torch.where(label > 0.5, -gap, gap))

    yield StepProbe()
    OBJECTIVES.remove("step-probe")


@pytest.mark.parametrize("changed", [{"batch_size": 1, "max_steps": 6}, {"batch_size": 5}], ids=["ones", "fives"])
def test_partners_are_the_same_for_every_accumulation(changed: dict[str, Any], probe: Objective, train: Train) -> None:
    recipe = {"data": judged(), "objective": probe, "max_grad_norm": 0.0, "learning_rate": 1e-2, **changed}
    whole = train("whole", accumulate=1, **recipe)
    # Of six parts of a step of five some hold a ghost.
    for parts in (2, 6):
        split = train(f"split-{parts}", accumulate=parts, **recipe)
        assert losses(split.folder) == pytest.approx(losses(whole.folder), abs=EXACT)
        assert largest_gap(weights(split.folder), weights(whole.folder)) < EXACT
        assert split.summary["after"]["loss"] == pytest.approx(whole.summary["after"]["loss"], abs=1e-5)


def test_every_attention_and_a_cached_reference_see_the_same_mismatched_responses(
    probe: Objective, train: Train, tmp_path: Path
) -> None:
    recipe = {"data": judged(), "objective": probe, "learning_rate": 1e-2, "eval_share": 0.3}
    plain = train("plain", **recipe)
    for name, changed in (
        ("sequences", {"attention": "sequences"}),
        ("cached", {"reference": "cached", "cache": str(tmp_path / "cache")}),
    ):
        other = train(name, **recipe, **changed)
        assert losses(other.folder) == pytest.approx(losses(plain.folder), abs=1e-5)
        assert other.summary["after"]["loss"] == pytest.approx(plain.summary["after"]["loss"], abs=1e-5)


@pytest.mark.parametrize(("accumulate", "processes"), [(2, 1), (1, 2), (3, 2)])
def test_processes_and_micro_batches_deal_out_the_same_pairings(accumulate: int, processes: int) -> None:
    encoder = Encoder(Renderer(word_tokenizer()), ["responses", "mismatched"], ["label"])
    supply = Supply(encoder.encode(read(judged()).records).examples, encoder=encoder)
    plan = plan_batches(supply.sizes, batch_size=5, epochs=2)

    def dealt(parts: int, count: int) -> list[set[tuple[int, str, str]]]:
        found: list[set[tuple[int, str, str]]] = [set() for _ in plan.steps]
        for process in range(count):
            loader = training_loader(supply, plan, collate, accumulate=parts, process=process, processes=count)
            for loaded in loader:
                batch: Any = loaded["batch"]
                for place, source in enumerate(batch.sources):
                    if batch.weights[place] > 0:
                        rows = {name: str(batch.forest.sequences[int(batch.rows[name][place])]) for name in batch.rows}
                        found[batch.step].add((source.line, rows["responses"], rows["mismatched"]))
        return found

    assert dealt(accumulate, processes) == dealt(1, 1)
    assert [len(step) for step in dealt(1, 1)] == [len(step) for step in plan.steps]


def test_kto_learns_which_responses_are_wanted(train: Train) -> None:
    run = train(
        data=judged(),
        objective={"name": "kto", "beta": 0.5},
        batch_size=6,
        max_steps=30,
        learning_rate=0.1,
        eval_every=15,
    )
    told = metrics(run.folder)
    # At the start policy and reference are equal: the reference point is 0 and every loss half its weight.
    assert told[1]["reference_point"] == 0.0 and told[1]["loss"] == pytest.approx(0.5, abs=1e-6)
    after = run.summary["after"]
    assert after["rewards/accuracy"] > 0.9 and after["rewards/desirable"] > 0 > after["rewards/undesirable"]
    assert after["loss"] < 0.45
    assert metrics(run.folder, "eval")[15]["logps/desirable"] > run.summary["before"]["logps/desirable"]
    assert not [name for name in after if "mismatched" in name]


def test_kto_sees_the_mean_over_the_whole_step(train: Train) -> None:
    run = train(data=judged(), objective={"name": "kto", "beta": 0.5}, batch_size=4, max_steps=4, learning_rate=0.1)
    points = [row["reference_point"] for row in metrics(run.folder).values()]
    assert points[0] == 0.0 and max(points[1:]) > 0.0


def test_kto_resumes_as_the_uninterrupted_run(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.training.recorder import Recorder

    recipe = {"data": judged(), "objective": "kto", "max_steps": 6, "save_every": 2, "learning_rate": 1e-2}
    whole = train("whole", **recipe).folder

    class Stop(Exception):
        pass

    write = Recorder.write

    def write_and_die(self: Recorder, at: int, split: str, numbers: dict[str, float]) -> None:
        write(self, at, split, numbers)
        if at == 5 and split == "train":
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "write", write_and_die)
        with pytest.raises(Stop):
            train("stopped", **recipe)
    train("stopped", **recipe, resume=True)
    assert losses(tmp_path / "stopped") == pytest.approx(losses(whole), abs=EXACT)
    assert largest_gap(weights(tmp_path / "stopped"), weights(whole)) < EXACT


def test_pairs_are_read_as_two_judged_responses_each(train: Train) -> None:
    rows = [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in pairs()]
    paired = train("pairs", data=rows, objective="kto")
    single = train("apart", data=both_sides(rows), objective="kto")
    assert paired.summary["examples"] == 24
    assert losses(paired.folder) == losses(single.folder)
    assert json.loads((paired.folder / "doctor.json").read_text())["checks"][0]["value"].startswith(
        "24 of kind judgement"
    )


def test_what_kto_cannot_use_is_said_before_a_model_is_loaded(train: Train) -> None:
    with pytest.raises(ConfigurationError, match="needs a reference, but the reference is 'none'"):
        train(objective="kto", data=judged(), model="no such model", reference="none")
    with pytest.raises(ConfigurationError, match=r"kto\+dpo asks for single labelled responses and .*'chosen'"):
        train(objective="kto+dpo", data=pairs())
    with pytest.raises(DataError, match="'label'"):
        train(objective="kto", data=[{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs()])
    with pytest.raises(DataError, match=r"'mismatched' pairs.*the data hold only one example"):
        train("one", objective="kto", data=judged()[:1])
    with pytest.raises(DataError, match=r"the held-out data hold only one example. Give more held-out data"):
        train("one", objective="kto", data=judged(), eval_data=judged()[:1])
    with pytest.raises(DataError, match=r"the plan of all steps holds only one example. Raise batch_size"):
        train("one", objective="kto", data=judged(), batch_size=1, max_steps=1)


def test_held_out_pairs_measure_what_judgements_have_taught(train: Train) -> None:
    run = train(objective="kto", data=judged(), eval_data=pairs(3), max_steps=1)
    apart = train("apart", objective="kto", data=judged(), eval_data=both_sides(pairs(3)), max_steps=1)
    assert run.summary["after"] == apart.summary["after"] and run.summary["after"]["lengths/responses"] > 0
