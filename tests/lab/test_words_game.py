"""The game in words: its table, and rounds of the recipe ``lspo`` that can be stopped and continued."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.lab.worlds.words_game.experiment import play, teacher_model
from penchant.lab.worlds.words_game.world import ACTIONS, action_of, mixture, payoffs, preferences, utterances


def test_the_game_is_symmetric_and_every_action_beats_two() -> None:
    table = torch.tensor(preferences()["probabilities"], dtype=torch.float64)
    assert bool((table + table.T == 1).all()) and bool((payoffs() + payoffs().T == 0).all())
    assert ((payoffs() > 0).sum(-1) == 2).all()
    assert {action_of(text) for text in utterances()} == set(ACTIONS) and action_of("now heavy rock") is None
    assert mixture({"now heavy grey rock": 3, "take flat white paper": 1, "who": 9}).tolist() == [0.75, 0.25, 0, 0, 0]


@pytest.mark.long
def test_the_command_plays_widens_and_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = tmp_path / "words"
    assert main(["lab", "words", "--rounds", "3", "--out", str(out)]) == 0
    assert "exploitability" in capsys.readouterr().out and (out / "lspo" / "report.html").is_file()
    assert main(["lab", "words", "--rounds", "3", "--out", str(out)]) == 1
    assert "--resume" in capsys.readouterr().err
    again = play(tmp_path / "again", rounds=3)
    assert [each.latent for each in again.throws] == [3, 4, 5]
    assert again.throws[2].exploitability < 0.01 < 0.2 < again.throws[0].exploitability
    assert play(out, rounds=3, overwrite=True).throws == again.throws, "the same seed gives the same clusters"


@pytest.mark.long
def test_a_teacher_who_throws_all_alike_leaves_less_to_exploit(tmp_path: Path) -> None:
    assert teacher_model() == teacher_model()
    found = play(tmp_path, method="on-policy-distillation", rounds=4)
    assert [each.latent for each in found.throws] == [0] * 4
    assert all(each.solved == each.shares and each.exploitability == each.own for each in found.throws)
    assert found.throws[-1].own < found.throws[0].own and (tmp_path / "on-policy-distillation").is_dir()
    with pytest.raises(ConfigurationError, match="Did you mean 'lspo'"):
        play(tmp_path, method="lpso")
