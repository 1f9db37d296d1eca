"""A trained reward model: its folder is a classifier of transformers, and a judge that says what training said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from penchant.cli.app import main
from penchant.errors import ConfigurationError, ModelError
from penchant.rewards import build_judge
from small_runs import COLOURS, model_folder, stopped_after, weights, write_pairs

PAIRS = [
    {"prompt": f"which colour is {one}", "chosen": f" {one} is {other} good", "rejected": f" {other} was {one} bad"}
    for one in COLOURS[:4]
    for other in COLOURS[2:]
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "m")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")


def trained(
    model: Path, folder: Path, objective: dict[str, Any], rows: list[dict[str, Any]] = PAIRS, **recipe: Any
) -> Any:
    given = {"batch_size": 4, "learning_rate": 3e-3, "epochs": 6, **recipe}
    return penchant.train(model, rows, objective, output=folder, **given)


def judge_of(folder: Path) -> Any:
    return build_judge({"name": "reward_model", "model": str(folder / "model")})


def test_the_saved_folder_is_a_classifier_whose_scores_order_the_pairs_as_training_did(
    model: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification

    run = trained(model, tmp_path / "run", {"name": "bt"})
    after = run.summary["after"]
    assert after["rewards/accuracy"] > 0.9
    assert not any(name.startswith(("logps/", "samples/")) for name in after), "it neither predicts nor answers"
    judge = judge_of(tmp_path / "run")
    scores = [judge.score(row["prompt"], [row["chosen"], row["rejected"]]) for row in PAIRS]
    margin = sum(good - bad for good, bad in scores) / len(scores)
    assert margin == pytest.approx(after["rewards/margin"], abs=1e-4)
    plain: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / "model")
    ids = judge.renderer.prompt_ids("which colour is red") + judge.renderer.sampled_ids(
        "which colour is red", " red is blue good"
    )
    with torch.no_grad():
        alone = plain(input_ids=torch.tensor([ids])).logits
        padded = plain(input_ids=torch.tensor([ids + [plain.config.pad_token_id] * 3])).logits
    assert float(alone) == pytest.approx(judge.score("which colour is red", [" red is blue good"])[0], abs=1e-5)
    assert float(padded) == pytest.approx(float(alone), abs=1e-5)


@pytest.mark.parametrize("gate", [False, True])
def test_a_general_preference_model_compares_and_gives_no_scores(model: Path, tmp_path: Path, gate: bool) -> None:
    run = trained(model, tmp_path / "run", {"name": "gpm", "dimension": 4, "gate": gate})
    assert run.summary["after"]["preference_accuracy"] > 0.9
    judge = judge_of(tmp_path / "run")
    right = 0
    for row in PAIRS:
        table = judge.compare(row["prompt"], [row["chosen"], row["rejected"]])
        assert float(table[0, 1] + table[1, 0]) == pytest.approx(1.0) and float(table[0, 0]) == 0.5
        right += float(table[0, 1]) > 0.5
    assert right / len(PAIRS) == pytest.approx(run.summary["after"]["preference_accuracy"], abs=0.05)
    with pytest.raises(ModelError, match="compares responses and gives no rewards"):
        judge.score("which colour is red", ["red", "blue"])


def rated() -> list[dict[str, Any]]:
    return [
        {"prompt": row["prompt"], "completions": [row["chosen"], row["rejected"]], "scores": [1.0, -1.0]}
        for row in PAIRS
    ]


BINS = {"name": "distributional-reward", "bins": 5, "low": -1.0, "high": 1.0}


@pytest.mark.parametrize(
    "objective", [{"name": "reward-regression"}, {"name": "quantile-reward"}, {"name": "gaussian-reward"}, BINS]
)
def test_rated_responses_give_a_judge(model: Path, tmp_path: Path, objective: dict[str, Any]) -> None:
    run = trained(model, tmp_path / "run", objective, rated(), epochs=10)
    assert run.summary["after"]["rewards/accuracy"] > 0.9
    table = judge_of(tmp_path / "run").compare("which colour is red", [" red is blue good", " blue was red bad"])
    assert float(table[0, 1]) > 0.5 and float(table[0, 1] + table[1, 0]) == pytest.approx(1.0)


def by_hand(name: str, outputs: torch.Tensor) -> torch.Tensor:
    """The spread: largest less smallest quantile, root of the variance, standard deviation over five bins."""
    if name == "quantile-reward":
        return outputs.amax(-1) - outputs.amin(-1)
    if name == "gaussian-reward":
        return outputs[:, 1].exp().sqrt()
    shares, values = outputs.softmax(-1), torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]).to(outputs)
    return ((shares * values.square()).sum(-1) - (shares * values).sum(-1).square()).sqrt()


@pytest.mark.parametrize("objective", [{"name": "quantile-reward"}, {"name": "gaussian-reward"}, BINS])
def test_a_judge_says_how_unsure_it_is_and_may_subtract_that(
    model: Path, tmp_path: Path, objective: dict[str, Any]
) -> None:
    rows = [
        {"prompt": row["prompt"], "completions": [row["chosen"], row["rejected"]], "scores": [1, -1]} for row in PAIRS
    ]
    trained(model, tmp_path / "run", objective, rows, epochs=2)
    folder = str(tmp_path / "run" / "model")
    asked = ("which colour is red", [" red is blue good", " blue was red bad"])
    plain = build_judge({"name": "reward_model", "model": folder})
    spread = by_hand(str(objective["name"]), plain._outputs([asked[0]], [asked[1]])[0])
    unsure = build_judge({"name": "reward_model", "model": folder, "spread": True})
    careful = build_judge({"name": "reward_model", "model": folder, "coefficient": 2.0})
    assert unsure.score(*asked) == pytest.approx(spread.tolist()) and min(unsure.score(*asked)) > 0
    less = [reward - 2 * by for reward, by in zip(plain.score(*asked), spread.tolist(), strict=True)]
    assert careful.score(*asked) == pytest.approx(less)
    assert len({plain.identity(), unsure.identity(), careful.identity()}) == 3, "or the cache would mix them"
    with pytest.raises(ConfigurationError, match="no reward is given"):
        build_judge({"name": "reward_model", "model": folder, "spread": True, "coefficient": 1.0})


@pytest.mark.parametrize("setting", [{"spread": True}, {"coefficient": 1.0}])
def test_a_model_that_is_never_unsure_is_asked_for_no_spread(
    model: Path, tmp_path: Path, setting: dict[str, Any]
) -> None:
    trained(model, tmp_path / "run", {"name": "bt"}, epochs=1)
    with pytest.raises(ConfigurationError, match="does not say how sure it is"):
        build_judge({"name": "reward_model", "model": str(tmp_path / "run" / "model"), **setting})


def test_a_resumed_run_is_the_uninterrupted_one(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe: dict[str, Any] = {"epochs": 2, "save_every": 2, "keep_checkpoints": 4}
    whole = trained(model, tmp_path / "whole", {"name": "bt-ties"}, with_ties(), **recipe)

    def again(**more: Any) -> Any:
        return trained(model, tmp_path / "again", {"name": "bt-ties"}, with_ties(), **recipe, **more)

    stopped_after(5, again, monkeypatch)
    again(resume=True)
    for name in ("model.safetensors", "reward_head.safetensors"):
        assert (tmp_path / "again" / "model" / name).read_bytes() == (whole.folder / "model" / name).read_bytes()
    assert "score.weight" in weights(whole.folder)


def with_ties() -> list[dict[str, Any]]:
    return [{**row, "probability": 0.5 if number % 3 == 0 else 1.0} for number, row in enumerate(PAIRS)]


def test_damaged_words_about_the_outputs_are_refused(model: Path, tmp_path: Path) -> None:
    trained(model, tmp_path / "run", {"name": "bt"}, epochs=1)
    meaning = tmp_path / "run" / "model" / "reward_model.json"
    told = json.loads(meaning.read_text())
    meaning.write_text(json.dumps({**told, "objective": "btt"}))
    with pytest.raises(ModelError, match="btt"):
        judge_of(tmp_path / "run")
    meaning.write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        judge_of(tmp_path / "run")


@pytest.mark.parametrize(
    "objective",
    [
        {"name": "bt"},
        # Its network has no place in a classifier, so that its folder stays a language model.
        {"name": "four-class-preference", "head": "joint"},
    ],
)
def test_where_a_policy_is_expected_a_reward_model_is_sent_to_the_judges(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], objective: dict[str, Any]
) -> None:
    rows = [{**row, "pair_class": number % 4} for number, row in enumerate(PAIRS)]
    trained(model, tmp_path / "run", objective, rows, epochs=1)
    run, folder, data = str(tmp_path / "run"), str(tmp_path / "run" / "model"), str(tmp_path / "data.jsonl")
    write_pairs(Path(data), PAIRS)
    capsys.readouterr()
    for words in (
        ["diagnose", run],
        ["diagnose", folder, "--data", data],
        ["diagnose", "--model", folder, "--reference", str(model), "--data", data],
        ["prefeval", run],
        ["novelty", run],
        ["novelty", folder, "--base", str(model)],
        ["evaluate", run, "--judge", "verifier", "--data", data],
    ):
        assert main(words) == 1
        said = capsys.readouterr().err
        assert "reward model" in said and "`penchant judge FILE --judge FOLDER`" in said and "audit" in said, words


def test_a_wrapped_reward_model_is_saved_like_a_plain_one(model: Path, tmp_path: Path) -> None:
    """The trained head stood in the checkpoints alone, and the saved folder was a language model."""
    run = trained(model, tmp_path / "run", {"name": "weighted(bt)"}, [{**row, "weight": 1.0} for row in PAIRS])
    judge = judge_of(tmp_path / "run")
    right = sum(good > bad for good, bad in (judge.score(row["prompt"], list(sides(row))) for row in PAIRS))
    assert right / len(PAIRS) == pytest.approx(run.summary["after"]["rewards/accuracy"]) and right > 0.9 * len(PAIRS)


def sides(row: dict[str, Any]) -> tuple[str, str]:
    return row["chosen"], row["rejected"]


def test_a_reward_model_and_another_loss_are_refused_before_training(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gpm trains a reward model, and .* adds another loss"):
        trained(model, tmp_path / "run", {"name": "gpm+0.1*nll"})
    assert not (tmp_path / "run").exists()
