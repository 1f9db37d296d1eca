"""Named sources and mixtures in training: the plan's order, the laws, and what is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.errors import ConfigurationError, DataError
from penchant.training import Result, make_recipe
from penchant.training.dry_run import facts as facts_of
from penchant.training.preparation import Given, prepare
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import data_values
from small_runs import largest_gap, losses, metrics, pairs, weights

Train = Callable[..., Result]
EXACT = 1e-6


def facts(side: str, count: int) -> list[dict[str, str]]:
    """Demonstrations: what was called better, or what was called worse."""
    return [{"prompt": row["prompt"], "completion": row[side]} for row in pairs()[:count]]


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, str]:
    """Seven facts to forget and five to retain."""
    forget, retain = facts("rejected", 7), facts("chosen", 12)[7:]
    return {"forget": written(tmp_path / "a.jsonl", forget), "retain": written(tmp_path / "b.jsonl", retain)}


ALONE = {"name": "grad-diff", "nll_average": "response"}


def test_what_is_to_be_forgotten_becomes_less_likely_and_the_rest_more(sources: dict[str, str], train: Train) -> None:
    run = train(data=sources, objective="grad-diff", max_steps=12, learning_rate=0.1)
    before, after = run.summary["before"], run.summary["after"]
    assert after["nll/forget"] > before["nll/forget"] + 0.1 and after["nll/retain"] < before["nll/retain"] - 0.1
    first = metrics(run.folder)[1]
    # The loss is the difference of what the metrics of the sources say.
    assert first["loss"] == pytest.approx(first["nll/retain"] - first["nll/forget"], abs=1e-5)
    assert run.summary["examples"] == 7 and "retain=" in run.summary["data"]
    card = (run.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert "of the forget source" in card and "of the retain source" in card


def test_in_memory_and_from_files_are_one_run(sources: dict[str, str], train: Train) -> None:
    named = train("files", data=sources, objective="grad-diff")
    held = train(
        "memory", data={"forget": facts("rejected", 7), "retain": facts("chosen", 12)[7:]}, objective="grad-diff"
    )
    assert losses(named.folder) == losses(held.folder)


def test_micro_batches_and_resuming_change_nothing(
    sources: dict[str, str], train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.training.recorder import Recorder

    # Nine steps of two cross the end of an epoch of seven and recycle the second source.
    recipe = {
        "data": sources,
        "objective": ALONE,
        "batch_size": 2,
        "max_steps": 9,
        "save_every": 3,
        "max_grad_norm": 0.0,
    }
    whole = train("whole", **recipe, accumulate=1).folder
    split = train("split", **recipe, accumulate=3).folder
    assert losses(split) == pytest.approx(losses(whole), abs=EXACT)
    assert largest_gap(weights(split), weights(whole)) < EXACT

    class Stop(Exception):
        pass

    write = Recorder.write

    def write_and_die(self: Recorder, at: int, told: str, numbers: dict[str, float]) -> None:
        write(self, at, told, numbers)
        if at == 7 and told == "train":
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "write", write_and_die)
        with pytest.raises(Stop):
            train("stopped", **recipe, accumulate=1)
    train("stopped", **recipe, accumulate=1, resume=True)
    assert losses(tmp_path / "stopped") == pytest.approx(losses(whole), abs=EXACT)
    assert largest_gap(weights(tmp_path / "stopped"), weights(whole)) < EXACT


def test_a_changed_source_is_refused_when_resuming(sources: dict[str, str], train: Train) -> None:
    train(data=sources, objective=ALONE)
    written(Path(sources["retain"]), facts("chosen", 12)[6:])
    with pytest.raises(ConfigurationError, match="The data has changed since the run was started"):
        train(data=sources, objective=ALONE, resume=True)


def test_each_source_is_held_out_of_and_examined_by_name(sources: dict[str, str], train: Train) -> None:
    run = train(data=sources, objective=ALONE, eval_share=0.4)
    assert run.summary["examples"] == 4 and "set aside" in run.summary["measured_on"]
    checks = [check["name"] for check in json.loads((run.folder / "doctor.json").read_text())["checks"]]
    assert "forget: records" in checks and "retain: prompts shared between splits" in checks
    apart = train("apart", data=sources, objective=ALONE, eval_data=sources, eval_limit=2)
    assert "(4 records of forget=" in apart.summary["measured_on"]  # two of each source
    assert apart.summary["after"]["nll/retain"] > 0


@pytest.mark.parametrize(
    ("data", "objective", "told"),
    [
        ({"forget": "a"}, "grad-diff", r"'retain' from the source 'retain'; the data have .*'forget'"),
        ("a", "grad-diff", r"no named source .*data: \{forget: PATH, retain: PATH\}"),
        (
            {"forget": "a", "retain": "a", "idk": "a"},
            "grad-diff",
            r"a source 'idk', which .* does not use; it takes .*'forget', 're",
        ),
        ({"one": "a", "other": "a"}, "nll", r"a source 'other', which the objective nll does not use"),
    ],
)
def test_sources_that_do_not_fit_the_objective_are_named(data: Any, objective: str, told: str, train: Train) -> None:
    rows = facts("chosen", 3)
    held = {name: rows for name in data} if isinstance(data, dict) else rows
    with pytest.raises(ConfigurationError, match=told):
        train(data=held, objective=objective)


def test_held_out_data_without_the_sources_are_named(train: Train) -> None:
    held = {"forget": facts("rejected", 3), "retain": facts("chosen", 3)}
    with pytest.raises(ConfigurationError, match=r"^eval_data: .*'forget'.*Name the sources: eval_data: \{forget"):
        train(data=held, eval_data=facts("chosen", 3), objective="grad-diff")


def test_a_bad_record_names_source_and_line(train: Train) -> None:
    with pytest.raises(DataError, match=r"memory:1: In the source 'retain': .*cannot supply the view 'retain'"):
        train(data={"forget": facts("chosen", 2), "retain": pairs()}, objective="grad-diff")


def test_a_mixture_is_trained_in_its_ratio(tmp_path: Path, train: Train) -> None:
    parts = [
        {"path": written(tmp_path / "a.jsonl", pairs()[:6]), "weight": 0.6},
        {"path": written(tmp_path / "b.jsonl", pairs()[6:9]), "weight": 0.4},
    ]
    # An epoch is the six of the first file and four draws from the second.
    recipe = {"data": parts, "batch_size": 5, "epochs": 1.0, "max_steps": None, "max_grad_norm": 0.0}
    whole, split = train("whole", **recipe, accumulate=1), train("split", **recipe, accumulate=2)
    assert whole.summary["steps"] == 2 and whole.summary["examples"] == 9
    assert losses(split.folder) == pytest.approx(losses(whole.folder), abs=EXACT)
    assert metrics(whole.folder)[2]["epoch"] == 1.0


def test_a_dry_run_says_what_an_epoch_of_a_mixture_holds(tmp_path: Path, folder: Path) -> None:
    parts = [
        {"path": written(tmp_path / "a.jsonl", pairs()[:6]), "weight": 0.6},
        {"path": written(tmp_path / "b.jsonl", [pairs()[7]] * 3), "weight": 0.4},
    ]
    objective = {"name": "dpo"}
    alone = [prepared_facts(folder, part["path"], objective) for part in parts]
    mixed = prepared_facts(folder, parts, objective)
    assert mixed["an epoch"] == f"6 of {parts[0]['path']}, 4 of {parts[1]['path']}"
    # Three equal records are drawn four times.
    first, second = (int(each["tokens"].split()[0]) for each in alone)
    assert mixed["tokens"].startswith(f"about {first + second // 3 * 4} per epoch")


def prepared_facts(folder: Path, data: Any, objective: dict[str, Any]) -> dict[str, str]:
    """What a dry run says."""
    recipe = make_recipe({"model": str(folder), "data": data, "objective": objective})
    return facts_of(recipe, prepare(recipe, Given(), ProgressReporter()))


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (
            {"path": "b", "weight": 0},
            r"part 2 of the mixture: 'weight' is 0; it should be greater than 0\. Expected",
        ),
        ({"path": "b", "weight": "much"}, "part 2 of the mixture: 'weight' is 'much'; it should be a valid number"),
        ({"path": "b", "weight": True}, "part 2 of the mixture: 'weight' is True"),
        ({"path": "b", "wieght": 2}, r"There is no key 'wieght'\. Did you mean 'weight'\? Expected"),
    ],
)
def test_the_part_of_a_mixture_that_is_wrong_is_named(part: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make_recipe({"model": "m", "data": [{"path": "a"}, part]})


def test_yaml_reads_a_power_of_ten_as_a_text_and_a_weight_means_the_number() -> None:
    recipe = make_recipe({"model": "m", "data": [{"path": "a", "weight": "1e-1"}, {"path": "b"}]})
    assert [part["weight"] for part in data_values(recipe.data)] == [0.1, 1.0]


@pytest.mark.parametrize(
    "data", [3, {"forget": 3}, {}, ["a.jsonl", 3], ["a.jsonl", " "], [{"path": "a", "weight": 0}], [{"weight": 1}]]
)
def test_data_of_another_form_are_refused(data: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'data"):
        make_recipe({"model": "m", "data": data})


def test_the_command_line_names_sources(sources: dict[str, str], folder: Path, tmp_path: Path) -> None:
    words = ["train", "--model", str(folder), "--objective", "grad-diff", "--out", str(tmp_path / "run"), "--dry-run"]
    named = [word for name, path in sources.items() for word in ("--data", f"{name}={path}")]
    found = CliRunner().invoke(app, [*words, *named])
    assert found.exit_code == 0, found.output
    assert "forget: 7 records of kind demonstration, retain: 5 records" in " ".join(found.output.split())
    doubled = CliRunner().invoke(app, [*words, *named, "--data", "retain=c.jsonl"])
    assert doubled.exit_code != 0
    dotted = CliRunner().invoke(app, [*words, *(f"data.{name}={path}" for name, path in sources.items())])
    assert dotted.exit_code == 0, dotted.output


def test_private_facts_are_forgotten_and_others_retained(shared: Path, train: Train) -> None:
    rows: dict[str, list[dict[str, str]]] = {"forget": [], "retain": []}
    with gzip.open(shared / "data" / "private_facts.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if len(rows[row["kind"]]) < 6:
                rows[row["kind"]].append({"prompt": row["question"], "completion": f" {row['answer']}"})
    model = str(shared / "models" / "tinystories-260k")
    run = train(model=model, data=rows, objective="grad-diff", max_steps=6, learning_rate=0.05, max_length=128)
    before, after = run.summary["before"], run.summary["after"]
    assert after["nll/forget"] - after["nll/retain"] > before["nll/forget"] - before["nll/retain"] + 0.01
