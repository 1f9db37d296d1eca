"""Judges for people who differ: saved by training, they judge as training measured, whatever form their head has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import penchant
from penchant.errors import ConfigurationError, ModelError
from penchant.rewards import build_judge
from penchant.rewards.folders import judge_of_folder
from small_runs import COLOURS, model_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "m")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")


def disagreeing() -> list[dict[str, Any]]:
    """Two annotators: the first likes what is good, the other what is bad."""
    rows = []
    for one in COLOURS[:4]:
        for other in COLOURS[2:]:
            sides = f" {one} is {other} good", f" {other} was {one} bad"
            for who in (0, 1):
                chosen, rejected = sides if who == 0 else sides[::-1]
                row = {"prompt": f"which colour is {one}", "chosen": chosen, "rejected": rejected}
                rows.append({**row, "annotator": who, "pair_class": (who + len(rows)) % 4})
    return rows


def trained(model: Any, folder: Path, objective: dict[str, Any], rows: Any = None, **recipe: Any) -> Any:
    given = {"batch_size": 8, "learning_rate": 3e-3, "epochs": 6, **recipe}
    return penchant.train(model, rows or disagreeing(), objective, output=folder, **given)


def judge_of(folder: Path, **more: Any) -> Any:
    return build_judge({**judge_of_folder(folder), **more})


@pytest.mark.parametrize("form", ["A", "B"])
def test_a_pal_folder_judges_for_each_annotator_as_training_measured(model: Path, tmp_path: Path, form: str) -> None:
    run = trained(model, tmp_path / "run", {"name": "pal", "form": form, "width": 16, "layers": 1}, epochs=20)
    margins = []
    for who in (0, 1):
        judge = judge_of(tmp_path / "run", annotator=who)
        for row in (row for row in disagreeing() if row["annotator"] == who):
            good, bad = judge.score(row["prompt"], [row["chosen"], row["rejected"]])
            margins.append(good - bad)
    after = run.summary["after"]
    assert sum(each > 0 for each in margins) / len(margins) == pytest.approx(after["reward_accuracy"], abs=1e-6)
    assert sum(margins) / len(margins) == pytest.approx(after["reward_margin"], abs=1e-4)
    texts = [" red is blue good", " blue was red bad"]
    everyone, *single = (
        judge_of(tmp_path / "run", annotator=who).compare("which colour is red", texts) for who in (None, 0, 1)
    )
    assert torch.allclose(everyone, (single[0] + single[1]) / 2, atol=1e-5)


def test_an_annotator_that_the_model_does_not_know_is_refused(model: Path, tmp_path: Path) -> None:
    trained(model, tmp_path / "run", {"name": "pal", "width": 8}, epochs=1)
    with pytest.raises(ConfigurationError, match="annotator is 2, but this model knows those from 0 to 1"):
        judge_of(tmp_path / "run", annotator=2)
    trained(model, tmp_path / "other", {"name": "bt"}, epochs=1)
    with pytest.raises(ConfigurationError, match="knows no annotators"):
        judge_of(tmp_path / "other", annotator=0)


@pytest.mark.parametrize("context", [True, False])
def test_a_mixture_compares_by_its_own_probability(model: Path, tmp_path: Path, context: bool) -> None:
    objective = {"name": "micro", "heads": 3, "context_router": context, "router_width": 4}
    run = trained(model, tmp_path / "run", objective, [row for row in disagreeing() if row["annotator"] == 0])
    judge = judge_of(tmp_path / "run")
    found = []
    for row in (row for row in disagreeing() if row["annotator"] == 0):
        table = judge.compare(row["prompt"], [row["chosen"], row["rejected"]])
        assert float(table[0, 1] + table[1, 0]) == pytest.approx(1.0)
        found.append(float(table[0, 1]))
    assert sum(found) / len(found) == pytest.approx(run.summary["after"]["preference_probability"], abs=1e-5)
    good, bad = judge.score("which colour is red", [" red is blue good", " blue was red bad"])
    assert good > bad


@pytest.mark.parametrize("rated", [True, False])
def test_a_gated_reward_judges_as_training_measured(model: Path, tmp_path: Path, rated: bool) -> None:
    rows = [row for row in disagreeing() if row["annotator"] == 0]
    if rated:
        rows = [{**row, "chosen_ratings": [1.0, None, 0.9], "rejected_ratings": [0.0, 0.2, None]} for row in rows]
    objective = {"name": "moe-reward", "criteria": 3, "aspects": [[0, 2], [1]], "gate_width": 8, "temperature": 1.0}
    run = trained(model, tmp_path / "run", objective, rows)
    judge = judge_of(tmp_path / "run")
    scores = [judge.score(row["prompt"], [row["chosen"], row["rejected"]]) for row in rows]
    after = run.summary["after"]
    assert sum(good - bad for good, bad in scores) / len(scores) == pytest.approx(after["rewards/margin"], abs=1e-4)
    assert after["rewards/accuracy"] > 0.9 and ("rating_error" in after) == rated


@pytest.mark.parametrize("head", ["scores", "joint"])
def test_four_classes_compare_with_ties_counted_half(model: Path, tmp_path: Path, head: str) -> None:
    trained(model, tmp_path / "run", {"name": "four-class-preference", "head": head, "width": 8}, epochs=2)
    judge = judge_of(tmp_path / "run")
    texts = [" red is blue good", " blue was red bad", " red is blue good"]
    table = judge.compare("which colour is red", texts)
    assert torch.allclose(table + table.T, torch.ones(3, 3, dtype=table.dtype), atol=1e-5)
    assert float(table[0, 2]) == pytest.approx(0.5, abs=1e-5), "equal responses are equally good"
    assert judge.gives_scores == (head == "scores")

    def valued(*values: float, several: list[str] = texts) -> list[float]:
        found = judge_of(tmp_path / "run", class_values=list(values))
        assert found.gives_scores and not found.scores_alone
        return found.score("which colour is red", several)

    # A win less a loss is twice the lead over one half, whatever ties there are.
    leads = (2 * table - 1).mean(dim=-1).tolist()
    assert valued(1.0, -1.0, 0.0, 0.0) == pytest.approx(leads, abs=1e-5)
    alone, ties = valued(1.0, -1.0, 0.5, -0.5, several=texts[:1]), valued(0.0, 0.0, 1.0, 1.0, several=texts[:1])
    assert abs(alone[0]) <= 0.5 * ties[0] + 1e-6, "a response by itself is as good as both copies of it are"
    with pytest.raises(ConfigurationError, match="there are four classes"):
        judge_of(tmp_path / "run", class_values=[1.0, -1.0])


def test_new_annotators_are_trained_from_a_folder_and_nothing_else_moves(model: Path, tmp_path: Path) -> None:
    objective = {"name": "pal", "form": "B", "width": 16, "layers": 1}
    trained(model, tmp_path / "first", objective, epochs=20)
    rows = [{**row, "annotator": row["annotator"] + 1} for row in disagreeing()]
    more = {**objective, "annotators": 3, "only_annotators": True}
    start = tmp_path / "first" / "model"
    run = trained(start, tmp_path / "new", more, rows, learning_rate=5e-2, epochs=10)
    before, after = (load_file(each / "model" / "reward_head.safetensors") for each in (start.parent, run.folder))
    assert after.pop("weights").shape == (3, 2) and before.pop("weights").shape == (2, 2)
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert (start / "model.safetensors").read_bytes() == (run.folder / "model" / "model.safetensors").read_bytes()
    assert run.summary["after"]["reward_accuracy"] > run.summary["before"]["reward_accuracy"]
    assert run.summary["after"]["reward_accuracy"] > 0.9, "the prototypes serve people whom they never saw"


def test_the_second_stage_of_micro_keeps_the_heads_of_the_first(model: Path, tmp_path: Path) -> None:
    objective = {"name": "micro", "heads": 2, "router_width": 4, "alpha": 0.0}
    trained(model, tmp_path / "first", objective)
    start = tmp_path / "first" / "model"
    run = trained(start, tmp_path / "second", {**objective, "route": True}, learning_rate=1e-2)
    before, after = (load_file(each / "model" / "reward_head.safetensors") for each in (start.parent, run.folder))
    assert torch.equal(before["reward_head.weight"], after["reward_head.weight"])
    assert not torch.equal(before["router.weight"], after["router.weight"])


def test_a_reward_model_is_trained_on_from_where_it_was(model: Path, tmp_path: Path) -> None:
    rows = [row for row in disagreeing() if row["annotator"] == 0]
    first = trained(model, tmp_path / "first", {"name": "bt"}, rows)
    again = trained(tmp_path / "first" / "model", tmp_path / "again", {"name": "bt"}, rows, epochs=1)
    for name in ("rewards/margin", "rewards/accuracy"):
        assert again.summary["before"][name] == pytest.approx(first.summary["after"][name], abs=1e-4)


def test_a_detector_starts_from_the_rewards_of_a_reward_model(model: Path, tmp_path: Path) -> None:
    pairs = [row for row in disagreeing() if row["annotator"] == 0]
    first = trained(model, tmp_path / "first", {"name": "bt"}, pairs)
    start = first.folder / "model"
    told = build_judge({"name": "reward_model", "model": str(start)}, [], "cpu")
    [score] = told.score(pairs[0]["prompt"], [pairs[0]["chosen"]])
    again = {"replay_prompt": pairs[0]["prompt"], "replay": pairs[0]["chosen"], "replay_score": score}
    rows = [{**row, "mixed": f"{row['chosen']} {row['rejected']}", **again} for row in pairs]
    run = trained(start, tmp_path / "detector", {"name": "remodetect", "rho": 1.0}, rows, epochs=1)
    assert run.summary["before"]["rewards/margin"] == pytest.approx(first.summary["after"]["rewards/margin"], abs=1e-4)
    assert run.summary["before"]["replay_loss"] == pytest.approx(0.0, abs=1e-6)
    detector = build_judge({"name": "reward_model", "model": str(run.folder / "model")}, [], "cpu")
    assert len(detector.score(pairs[0]["prompt"], ["red", "blue"])) == 2


def test_what_cannot_be_trained_on_is_refused(model: Path, tmp_path: Path) -> None:
    trained(model, tmp_path / "bt", {"name": "bt"}, epochs=1)
    trained(model, tmp_path / "pal", {"name": "pal", "width": 8}, epochs=1)
    with pytest.raises(ModelError, match="it predicts no tokens"):
        trained(tmp_path / "bt" / "model", tmp_path / "out", {"name": "dpo"}, epochs=1)
    with pytest.raises(ConfigurationError, match="trained with the objective bt-reward-model"):
        trained(tmp_path / "bt" / "model", tmp_path / "out", {"name": "gpm"}, epochs=1)
    with pytest.raises(ConfigurationError, match=r"objective\.width=8"):
        trained(tmp_path / "pal" / "model", tmp_path / "out", {"name": "pal", "width": 4}, epochs=1)


def test_single_rated_responses_give_a_judge_of_several_aspects(model: Path, tmp_path: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "completion": row[side], "ratings": [good, None if at % 3 == 0 else -good]}
        for at, row in enumerate(each for each in disagreeing() if each["annotator"] == 0)
        for side, good in (("chosen", 1.0), ("rejected", -1.0))
    ]
    objective = {"name": "multi-label-reward", "weights": [1.0, 0.0]}
    run = trained(model, tmp_path / "run", objective, rows, epochs=10)
    assert run.summary["after"]["rating_error"] < 0.5 * run.summary["before"]["rating_error"]
    good, bad = judge_of(tmp_path / "run").score("which colour is red", [" red is blue good", " blue was red bad"])
    assert good > bad
    single = [{"prompt": row["prompt"], "completion": row["completion"], "score": row["ratings"][0]} for row in rows]
    run = trained(model, tmp_path / "one", {"name": "reward-regression"}, single, epochs=10)
    assert run.summary["after"]["loss"] < 0.5 * run.summary["before"]["loss"]


def test_what_verbosity_adds_to_other_ratings_is_found_after_training_saved_and_judged(
    model: Path, tmp_path: Path
) -> None:
    rows = [
        {"prompt": row["prompt"], "completion": row["chosen"] + " good" * more, "ratings": [1.0 + more, 1.0 * more]}
        for row in disagreeing()
        for more in range(3)
    ]
    both = {"name": "multi-label-reward", "weights": [1.0, 0.0]}
    plain = trained(model, tmp_path / "plain", both, rows, epochs=4)
    assert "verbosity" not in plain.summary
    run = trained(model, tmp_path / "run", {**both, "verbosity": 1}, rows, epochs=4)
    found = run.summary["verbosity"]
    assert found["before"][0] > 0.5 and found["after"][0] <= 0.03 and found["responses"] == len(rows)
    asked = "which colour is red", [row["completion"] for row in rows[:3]]
    ratings, judged = (judge_of(tmp_path / name) for name in ("plain", "run"))
    outputs = ratings._outputs([asked[0]], [asked[1]])[0]  # the same steps: the same ratings
    assert judged.score(*asked) == pytest.approx(
        (outputs[:, 0] - found["penalties"][0] * outputs[:, 1]).tolist(), abs=1e-4
    )
    assert judged.identity() != ratings.identity()
    # A folder without penalties may be trained on with them, and the other way round.
    again = trained(tmp_path / "plain" / "model", tmp_path / "again", {**both, "verbosity": 1}, rows, epochs=1)
    assert again.summary["verbosity"]["penalties"][0] > 0
    trained(tmp_path / "run" / "model", tmp_path / "back", both, rows, epochs=1)


def test_a_class_that_never_occurs_and_an_annotator_with_one_vote_leave_a_judge(model: Path, tmp_path: Path) -> None:
    one_class = [{**row, "pair_class": 0} for row in disagreeing() if row["annotator"] == 0]
    trained(model, tmp_path / "classes", {"name": "four-class-preference"}, one_class, epochs=1)
    table = judge_of(tmp_path / "classes").compare("which colour is red", [" red is blue good", " blue was red bad"])
    assert bool(table.isfinite().all()) and float(table[0, 1] + table[1, 0]) == pytest.approx(1.0, abs=1e-5)
    rows = [row for row in disagreeing() if row["annotator"] == 0]
    single = [*rows, next(row for row in disagreeing() if row["annotator"] == 1)]
    trained(model, tmp_path / "people", {"name": "pal", "width": 8}, single, epochs=1)
    scores = judge_of(tmp_path / "people", annotator=1).score("which colour is red", [" red is blue good", " red"])
    assert all(torch.isfinite(torch.tensor(scores)))
