"""Margin rewards: one number for each judge and response, and how options name judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.curation.judging import judges_of
from penchant.curation.margin_rewards import MarginRewards
from penchant.errors import ConfigurationError, PenchantError
from penchant.feedback import read
from penchant.named_judge import judge_word
from penchant.rewards.folders import judge_of_folder

PAIRS = [
    {"prompt": "2 + 2", "chosen": "4", "rejected": "5", "answer": "4", "id": 1},
    {"prompt": "2 + 3", "chosen": "6 or so", "rejected": "5", "answer": "5", "id": 2},
]


def test_each_response_has_one_reward_for_each_judge_in_their_order() -> None:
    built = MarginRewards(judge=["verifier rule=number", "verifier rule=exact"]).build(read(PAIRS))
    assert [row["chosen_margin_rewards"] for row in built.rows] == [[1.0, 1.0], [0.0, 0.0]]
    assert [row["rejected_margin_rewards"] for row in built.rows] == [[0.0, 0.0], [1.0, 1.0]]
    assert [row["id"] for row in built.rows] == [1, 2]  # what else the record has stays


def test_words_of_an_option_become_the_settings_of_a_judge() -> None:
    found = judge_word("reward_model model='my folder' batch_size=4", "judge", judge_of_folder)
    assert found == {"name": "reward_model", "model": "my folder", "batch_size": 4}
    assert judge_word("reward_model model=a/b", "judge", judge_of_folder)["model"] == "a/b"


def test_builders_take_the_folder_of_a_judge_as_the_command_does(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(
        '{"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]}'
    )
    found = judge_word(f"{tmp_path},batch_size=4", "judge", judge_of_folder)
    assert found == {"name": "reward_model", "model": str(tmp_path / "model"), "batch_size": 4}
    with pytest.raises(ConfigurationError, match="There is no folder 'runs/none'"):
        judges_of(["runs/none"], list(read(PAIRS)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "No judge is named"),
        (["none"], "The judge 'none' scores nothing"),
        (["verifier exact"], "'exact' in 'verifier exact' is no setting"),
        (["verifyer rule=exact"], "verifier"),
        (["verifier rule='"], "names no judge"),
    ],
)
def test_a_wrong_judge_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(PenchantError, match=message):
        judges_of(words, list(read(PAIRS)))


def test_records_of_another_kind_are_refused() -> None:
    with pytest.raises(PenchantError, match="margin-rewards needs comparisons"):
        MarginRewards(judge=["verifier rule=exact"]).build(read([{"prompt": "a", "completion": "b"}]))
    with pytest.raises(ConfigurationError, match="'judge' is missing"):
        MarginRewards()
