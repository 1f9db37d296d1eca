"""Judges that are ratios of two models: what `penchant score` gives, zero for equal models, errors in words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.errors import ConfigurationError, ModelError
from penchant.evaluation.scoring import score
from penchant.feedback.records import Prompt
from penchant.rewards import build_judge
from penchant.rewards.log_ratios import DensityRatioJudge, ImplicitReward
from small_runs import model_folder, word_tokenizer

PROMPTS = ["which colour is the car", "what"]
RESPONSES = [[" the car is red", " red", " the car is not blue"], [" hat"]]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two random models with one vocabulary."""
    made = []
    for name in ("tuned", "base"):
        torch.manual_seed(len(made))
        made.append(model_folder(tmp_path / name))
    return made[0], made[1]


def moved(folder: Path) -> Any:
    """The model of a folder with other weights."""
    from penchant.likelihood import load_model

    model = load_model(folder)
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn_like(weight)
    return model


def test_the_implicit_reward_is_that_of_penchant_score(folders: tuple[Path, Path]) -> None:
    from penchant.likelihood import load_model

    policy, reference = moved(folders[0]), load_model(folders[0])
    judge = ImplicitReward(policy, reference, word_tokenizer(), beta=0.3)
    rows = [
        {"prompt": prompt, "completion": each}
        for prompt, own in zip(PROMPTS, RESPONSES, strict=True)
        for each in own
    ]  # fmt: skip
    scored = score(policy, rows, reference=reference, beta=0.3, tokenizer=word_tokenizer())
    expected = [each["responses"][0]["reward"] for each in scored.rows]
    given = [value for own in judge.score_all(PROMPTS, RESPONSES) for value in own]
    assert given == pytest.approx(expected, abs=1e-5) and max(map(abs, given)) > 1e-3


def test_a_density_ratio_of_equal_models_is_zero_and_is_antisymmetric(folders: tuple[Path, Path]) -> None:
    from penchant.likelihood import load_model

    one, two, words = load_model(folders[0]), moved(folders[0]), (word_tokenizer(), word_tokenizer())
    same = DensityRatioJudge(one, load_model(folders[0]), words)
    assert same.score_all(PROMPTS, RESPONSES) == [[0.0, 0.0, 0.0], [0.0]]
    there, back = (DensityRatioJudge(*each, words).score(PROMPTS[0], RESPONSES[0]) for each in ((one, two), (two, one)))
    assert there == pytest.approx([-each for each in back]) and max(map(abs, there)) > 1e-3
    # With β it is the implicit reward.
    implicit = ImplicitReward(two, one, words[0], beta=0.1).score(PROMPTS[0], RESPONSES[0])
    assert implicit == pytest.approx([0.1 * each for each in back], abs=1e-6)


def test_averages_and_special_tokens(folders: tuple[Path, Path]) -> None:
    from penchant.likelihood import load_model

    models, words = (moved(folders[0]), load_model(folders[0])), (word_tokenizer(), word_tokenizer())
    whole = DensityRatioJudge(*models, words).score(PROMPTS[0], [" the car is red"])[0]
    mean = DensityRatioJudge(*models, words, average=True).score(PROMPTS[0], [" the car is red"])[0]
    assert mean == pytest.approx(whole / 5)  # four words and the end token
    without = DensityRatioJudge(*models, words, special_tokens=False).score(PROMPTS[0], [" the car is red"])[0]
    assert without != pytest.approx(whole)


def test_an_instruction_is_read_by_the_strong_model_alone(folders: tuple[Path, Path]) -> None:
    from penchant.likelihood import load_model

    strong, weak, words = moved(folders[0]), load_model(folders[0]), (word_tokenizer(), word_tokenizer())
    plain = DensityRatioJudge(strong, weak, words)
    judge = DensityRatioJudge(strong, weak, words, instruction="good", instructions={"colours": "very good"})
    judge.read([Prompt(prompt=PROMPTS[0], fields={"domain": "colours"})])
    assert [judge.context(each) for each in PROMPTS] == ["very good", "good"]
    logps = [plain.models[0].of([text], [[" hat"]])[0][0] for text in ("good\n\nwhat", "what")]
    assert logps[0] is not None and logps[1] is not None
    shift = float(logps[0][0].sum() - logps[1][0].sum())
    difference = judge.score("what", [" hat"])[0] - plain.score("what", [" hat"])[0]
    assert difference == pytest.approx(shift) and abs(shift) > 1e-4


def test_a_response_that_leaves_no_room_for_the_prompt_has_no_score(folders: tuple[Path, Path]) -> None:
    judge = ImplicitReward(folders[0], folders[0], max_length=4)
    given = judge.score(PROMPTS[0], [" red", " the car is not blue"])
    assert math.isfinite(given[0]) and math.isnan(given[1])


def test_a_run_knows_its_reference_and_other_folders_do_not(folders: tuple[Path, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    model_folder(run / "model")
    (run / "recipe.yaml").write_text(f"model: {folders[1]}\n")
    assert [model.name for model in ImplicitReward(run).models] == [str(run / "model"), str(folders[1])]
    assert ImplicitReward(run / "model").models[1].name == str(folders[1])
    with pytest.raises(ConfigurationError, match=r"Nothing says which model .*tuned was trained from"):
        build_judge({"name": "implicit", "model": str(folders[0])})


def test_other_vocabularies_are_refused_by_the_ratio_that_needs_one(folders: tuple[Path, Path]) -> None:
    tokenizer = word_tokenizer()
    tokenizer.add_tokens(["castle"])
    tokenizer.save_pretrained(folders[0])
    with pytest.raises(ModelError, match=r"different vocabularies: 'castle'"):
        ImplicitReward(folders[0], folders[1])
    assert len(DensityRatioJudge(folders[1], folders[1]).score(PROMPTS[0], RESPONSES[0])) == 3


def test_weights_that_are_no_numbers_are_named(folders: tuple[Path, Path]) -> None:
    from penchant.likelihood import load_model

    broken = load_model(folders[0])
    broken.get_output_embeddings().weight.data.fill_(math.nan)
    judge = ImplicitReward(broken, load_model(folders[0]), word_tokenizer())
    with pytest.raises(ModelError, match="The judge implicit gives nan as a log-ratio"):
        judge.score(PROMPTS[0], RESPONSES[0])
