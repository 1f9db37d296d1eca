"""A loss of one's own, and callbacks, in ten lines of Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch.nn.functional import logsigmoid
from transformers import TrainerCallback

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.objectives import DPO
from penchant.training import Result
from small_runs import largest_gap, losses, metrics, weights, write_pairs

Train = Callable[..., Result]
FILE = """
from torch.nn.functional import logsigmoid
from penchant.objectives import DPO

def sigmoid(chosen, rejected, beta=0.1):
    return -logsigmoid(beta * (chosen.logratio - rejected.logratio))

class Mine(DPO.__mro__[1]):
    needs = DPO.needs
    def loss(self, chosen: "Scored", rejected: "Scored"):
        return sigmoid(chosen, rejected, 0.3)
"""


def sigmoid(chosen: Any, rejected: Any, beta: float = 0.1) -> Any:
    return -logsigmoid(beta * (chosen.logratio - rejected.logratio))


def test_a_function_trains_as_the_method_that_it_computes(train: Train) -> None:
    own, known = train("own", objective=sigmoid), train("known", objective=DPO(beta=0.1))
    assert losses(own.folder) == pytest.approx(losses(known.folder), abs=1e-6)
    assert largest_gap(weights(own.folder), weights(known.folder)) < 1e-6
    assert own.summary["objective"] == "sigmoid(beta=0.1)"
    assert metrics(own.folder)[3]["rewards/margin"] == pytest.approx(
        metrics(known.folder)[3]["rewards/margin"], abs=1e-6
    )


def test_a_loss_in_a_file_beside_the_recipe(folder: Path, tmp_path: Path, train: Train) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "my_loss.py").write_text(FILE)
    recipe = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl")), "samples": 0, "max_steps": 2}
    recipe |= {
        "objective": {"path": "my_loss.py:sigmoid", "beta": 0.3},
        "output": str(tmp_path / "run"),
        "save_every": 1,
    }
    (tmp_path / "recipes" / "r.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["train", str(tmp_path / "recipes" / "r.yaml")]) == 0
    written = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["objective"]
    assert written == {"name": "sigmoid", "path": "code/objective/my_loss.py:sigmoid", "beta": 0.3}
    assert main(["train", str(tmp_path / "run" / "recipe.yaml"), "--resume"]) == 0, "the run's own recipe repeats it"
    (tmp_path / "recipes" / "my_loss.py").rename(tmp_path / "my_loss.py")
    again = ["train", str(tmp_path / "run" / "recipe.yaml"), "--out", str(tmp_path / "again")]
    assert main(again) == 0, "the run keeps what its recipe names"
    assert losses(tmp_path / "again") == losses(tmp_path / "run")
    assert main([*again, "--overwrite"]) == 0
    again[1] = str(tmp_path / "again" / "recipe.yaml")
    assert main([*again, "--overwrite"]) == 0, "not even with the run that it replaces"
    place = str(tmp_path / "my_loss.py")
    by_class, by_function = (
        train(name, objective={"path": f"{place}:{name}", **hyper})
        for name, hyper in (("Mine", {}), ("sigmoid", {"beta": 0.3}))
    )
    assert losses(by_class.folder) == losses(by_function.folder)
    with pytest.raises(ConfigurationError, match="Did you mean 'sigmoid'"):
        train("wrong", objective={"path": f"{place}:sigmoyd"})
    with pytest.raises(ConfigurationError, match="no hyper-parameter 'betta'"):
        train("wrong", objective={"path": f"{place}:sigmoid", "betta": 0.3})


def test_a_callback_of_transformers_and_a_function(train: Train) -> None:
    heard: list[tuple[int, str]] = []

    class Ends(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_training_stop = state.global_step == 2

    def hear(step: int, split: str, numbers: dict[str, float]) -> None:
        assert "loss" in numbers
        heard.append((step, split))

    run = train(callbacks=[hear, Ends()])
    assert heard == [(1, "train"), (2, "train"), (2, "eval")]
    assert run.summary["steps"] == 2 and run.summary["ended"] == "a callback ended the run"
    assert train("stopped", callbacks=lambda step, split, numbers: "stop").summary["steps"] == 1


def test_what_is_no_callback_is_refused(train: Train) -> None:
    with pytest.raises(ConfigurationError, match="'florp' is a str, not a callback"):
        train(callbacks=["florp"])


JUDGE = "def longer(prompt, response):\n    return float(len(response))\n"


@pytest.mark.parametrize("short", [False, True])
def test_the_judge_of_samples_is_kept_with_the_run(
    folder: Path, tmp_path: Path, short: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "recipes"
    home.mkdir()
    (home / "judges.py").write_text(JUDGE)
    judge = "function,path=judges.py:longer" if short else {"name": "function", "path": "judges.py:longer"}
    recipe = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl")), "samples": 0, "max_steps": 1}
    recipe |= {"eval": {"judge": judge, "prompts": 2, "max_new_tokens": 3}, "output": str(tmp_path / "run")}
    (home / "r.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["train", str(home / "r.yaml")]) == 0
    written = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["eval"]["judge"]
    assert written == {"name": "function", "path": "code/eval-judge/judges.py:longer"}
    assert (tmp_path / "run/code/eval-judge/judges.py").read_text() == JUDGE
    if short:
        return
    (home / "judges.py").write_text(JUDGE.replace("len(", "-len("))
    assert main(["train", str(home / "r.yaml"), "--resume"]) == 1
    assert "code of eval.judge has changed" in capsys.readouterr().err
    (tmp_path / "elsewhere.py").write_text(JUDGE)
    recipe["eval"] = {"judge": {"name": "function", "path": "../elsewhere.py:longer"}}
    (home / "r.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["train", str(home / "r.yaml")]) == 1
    assert "is not beside it" in capsys.readouterr().err
