"""What is certain to fail at the end of a run is refused at its start, and the folder stays free."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from penchant.cli.app import main
from penchant.errors import ConfigurationError, ModelError, OutputError, PenchantError
from penchant.training import Result
from penchant.training.preflight import disk_estimate
from penchant.training.recipe import make_recipe
from small_runs import metrics, model_folder, pairs, write_pairs

Train = Callable[..., Result]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"report_to": "florp"}, r"report_to: There is no logger 'florp'"),
        ({"report_to": ["wandbb"]}, "Did you mean 'wandb'"),
        ({"schedule": "warmup_stable_decay"}, "needs num_decay_steps. Give schedule_arguments"),
        ({"schedule": "wsd"}, "warmup_stable_decay needs num_decay_steps"),
        ({"schedule": "cosine_with_restarts", "schedule_arguments": {"num_cycle": 2}}, "Did you mean 'num_cycles'"),
        ({"schedule": "constant", "schedule_arguments": {"num_cycles": 2}}, "It takes no arguments"),
        ({"schedule": {"name": "cosine", "num_warmup_steps": 2}}, "decided by warmup"),
        ({"schedule": "cosine_with_min_lr"}, "cannot be built"),
        ({"schedule": {"name": "polynomial", "lr_end": 1.0}}, "cannot be built"),
        ({"optimizer": "adamw_bnb_8bit"}, "optimizer adamw_bnb_8bit cannot be used .*bitsandbytes"),
        ({"optimizer": {"name": "adamw_torch", "beta": [0.9, 0.95]}}, "Did you mean 'betas'"),
        ({"optimizer": {"name": "adamw_torch", "betas": [0.9, 2.0]}}, "refuses its arguments"),
        ({"optimizer": "sgd", "optimizer_arguments": {"lr": 1.0}}, "decided by learning_rate"),
    ],
)
def test_settings_that_fail_late_are_refused_first(
    keys: dict[str, Any], message: str, train: Train, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        train(**keys)
    assert not (tmp_path / "run").exists()


def test_a_logger_that_is_not_installed_is_named(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.integrations.integration_utils.is_tensorboard_available", lambda: False)
    with pytest.raises(ConfigurationError, match=r"The logger 'tensorboard' cannot be used .*installed"):
        train(report_to=["tensorboard"])
    train()  # the folder is free


class Logger(TrainerCallback):
    """A stand-in for a logger of transformers: it writes its events where it is told to."""

    fails = False

    def __init__(self) -> None:
        self.logging_dir: str | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.fails:
            raise RuntimeError("no login")
        Path(str(self.logging_dir)).mkdir(exist_ok=True)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        with (Path(str(self.logging_dir)) / "log").open("a") as file:
            file.write(f"{state.global_step} {json.dumps(logs)}\n")


def test_events_lie_in_the_run_and_a_logger_that_does_not_open_frees_the_folder(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"wandb": Logger}
    monkeypatch.setattr("transformers.integrations.integration_utils.INTEGRATION_TO_CALLBACK", known)
    monkeypatch.setattr(Logger, "fails", True)
    with pytest.raises(ConfigurationError, match=r"report_to: .*cannot be opened \(RuntimeError: no login\)"):
        train(report_to="wandb")
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(Logger, "fails", False)
    run = train(report_to="wandb")
    rows = (run.folder / "events" / "log").read_text().splitlines()
    assert [row.split()[0] for row in rows[:3]] == ["1", "2", "3"] and "rewards/margin" in rows[0]
    assert train(report_to="none", overwrite=True).folder == run.folder
    assert not (run.folder / "events").exists()


def test_a_model_that_cannot_be_saved_is_refused_before_it_is_trained(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "transformers.GenerationConfig.save_pretrained",
        lambda *_args, **_more: (_ for _ in ()).throw(ValueError("odd")),
    )
    with pytest.raises(ModelError, match=r"could not be saved at the end of the run \(ValueError: odd\)"):
        train()
    assert not (tmp_path / "run").exists()


def test_a_report_that_cannot_be_written_is_known_before(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(run: Path) -> Path:
        raise ImportError("No module named 'matplotlib'")

    monkeypatch.setattr("penchant.evaluation.report.write_report", write)
    with pytest.raises(PenchantError, match=r"report of the run could not be written at the end .*matplotlib"):
        train()
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_known_before(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _place: usage(10**9, 10**9, 1000))
    with pytest.raises(OutputError, match=r"needs about .* GiB of disk space .* are free"):
        train()
    assert not (tmp_path / "run").exists()


def test_the_estimate_is_what_a_run_leaves(train: Train) -> None:
    run = train(optimizer="adamw_torch", save_every=1, keep_checkpoints=3)
    recipe = make_recipe(
        {"model": "m", "data": "d", "optimizer": "adamw_torch", "save_every": 1, "keep_checkpoints": 3}
    )
    estimate = disk_estimate(recipe, run.model, 3)
    left = sum(
        path.stat().st_size for path in run.folder.glob("checkpoints/*/*") if path.suffix in (".pt", ".safetensors")
    )
    assert estimate["checkpoints"] == pytest.approx(left, rel=0.2)
    assert estimate["model"] == pytest.approx((run.folder / "model" / "model.safetensors").stat().st_size, rel=0.05)


def test_schedule_and_optimizer_get_their_arguments(train: Train) -> None:
    written = {"name": "cosine_with_restarts", "num_cycles": 2}
    rates = [row["learning_rate"] for row in metrics(train("a", schedule=written, max_steps=8).folder).values()]
    assert rates[0] == pytest.approx(1e-3) and rates[4] == pytest.approx(1e-3) and rates[3] < 5e-4
    stable = {"schedule": "wsd", "schedule.num_decay_steps": 2, "schedule_arguments": {"decay_type": "linear"}}
    rates = [row["learning_rate"] for row in metrics(train("b", **stable, max_steps=6).folder).values()]
    assert rates[:4] == [pytest.approx(1e-3)] * 4 and rates[5] < 1e-3
    seen: list[Any] = []

    class Look(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **kwargs: Any) -> None:
            seen.append({key: optimizer.param_groups[0][key] for key in ("betas", "eps")})

    train("c", optimizer={"name": "adamw_torch", "betas": [0.8, 0.9], "eps": "1e-5"}, callbacks=[Look])
    assert seen == [{"betas": (0.8, 0.9), "eps": 1e-5}]


def test_a_schedule_that_follows_a_metric_gets_its_measurements(train: Train) -> None:
    run = train(schedule={"name": "reduce_lr_on_plateau", "patience": 0}, eval_data=pairs(4), max_steps=3)
    assert sorted(metrics(run.folder, "eval")) == [1, 2, 3]


def test_a_start_that_fails_does_not_block_the_command_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_pairs(tmp_path / "pairs.jsonl")
    words = ["train", "--model", str(folder), "--data", str(data), "--out", str(tmp_path / "x"), "max_steps=1"]
    assert main([*words, "samples=0", "report_to=florp"]) == 1
    assert "There is no logger 'florp'" in capsys.readouterr().err
    assert main([*words, "samples=0"]) == 0


def test_a_failure_at_the_first_step_frees_the_folder_and_a_later_one_keeps_it(train: Train, tmp_path: Path) -> None:
    def fail_at(place: int) -> Any:
        def fail(step: int, split: str, numbers: dict[str, float]) -> None:
            if step == place:
                raise ValueError("no")

        return fail

    with pytest.raises(PenchantError, match="step 1"):
        train("first", callbacks=fail_at(1))
    assert not (tmp_path / "first").exists()
    with pytest.raises(PenchantError, match="step 2"):
        train("second", callbacks=fail_at(2))
    with pytest.raises(OutputError, match="already holds another run"):
        train("second")


def test_generation_settings_and_weights_stay_as_they_are(train: Train, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    source = model_folder(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(source)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(PenchantError):
        train(model=model, tokenizer=None)
    run = train(model=str(source), max_steps=1, learning_rate=1e-12)
    assert not (run.folder / ".preflight").exists()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
