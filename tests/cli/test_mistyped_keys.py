"""A mistyped key is said by every command that reads one, before PyTorch is loaded, which takes seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from penchant.cli.tools.known_settings import REGISTRIES, known_settings_text
from penchant.known_settings import TABLE, check_part_keys
from penchant.objectives import build
from penchant.objectives.core.registry import OBJECTIVES, is_method
from penchant.registry import Configurable

#: Files that the commands read.
FILES = {
    "mistyped.yaml": "model: m\ndata: d\nlearning_rte: 1\n",
    "hyper.yaml": "model: m\ndata: d\nobjective: {name: dpo, betta: 1}\n",
    "search_recipe.yaml": "recipe: {model: m, data: d, learning_rte: 1}\nevaluations: 3\n",
    "search_plan.yaml": "recipe: {model: m, data: d}\nevaluatons: 3\n",
    "search_space.yaml": "recipe: {model: m, data: d}\nevaluations: 3\nspace: {atention: [1]}\n",
    "search_hyper.yaml": "recipe: {model: m, data: d, objective: {name: dpo, betta: 1}}\nevaluations: 3\n",
    "pipeline.yaml": "stages: {sft: 'train model=m data=d --out {out}'}\nroundss: 3\n",
    "stage.yaml": "stages: {sft: 'train model=m data=d learning_rte=1 --out {out}'}\n",
    "judge.yaml": "name: verifier\nrulee: exact\n",
    "study.yaml": "design: budget\nseedss: 1\n",
    "d.jsonl": '{"prompt": "a", "chosen": "b", "rejected": "c"}\n',
}
RECIPE = "model=m data=d.jsonl"
ONLINE = f"online grpo {RECIPE} --judge verifier"
JUDGED = "--data d.jsonl --judge"
GENERATE = "generate m --data d.jsonl --out o.jsonl --samples 2"
#: Each command with what it should have been.
COMMANDS = [
    ("train learning_rte=1", "learning_rate"),
    ("train mistyped.yaml", "learning_rate"),
    (f"train {RECIPE} schedule=cosine optimizer=adamw_torch learning_rte=1", "learning_rate"),
    (f"train {RECIPE} schedule=cosine optimizer=adamw_torch objective.betta=1", "beta"),
    ("train hyper.yaml", "beta"),
    (f"train {RECIPE} objective.betta=1", "beta"),
    (f"train {RECIPE} --set betta=1", "beta"),
    (f"train {RECIPE} objective=dpo+0.2*nll objective.dpo.betta=1", "dpo.beta"),
    (f"train {RECIPE} objective=kto desirable_weight=auto", "objective.desirable_weight"),
    (f"train {RECIPE} objective=plackett-luce-dpo top=1", "objective.top"),
    (f"train {RECIPE} objective=d2o alpha=1", "objective.alpha"),
    (f"train {RECIPE} parameters=wagle mu=1", "parameters.mu"),
    (f"train {RECIPE} lora.rnk=1", "rank"),
    (f"train {RECIPE} parameters.name=wagle parameters.ratioo=1", "ratio"),
    (f"train {RECIPE} eval.judge=verifier,rulee=exact", "rule"),
    ("train ssft learning_rte=1", "learning_rate"),
    ("train multi-task model=m data=d.jsonl learning_rte=1", "learning_rate"),
    ("plan mistyped.yaml", "learning_rate"),
    (f"plan {RECIPE} objective.betta=1", "beta"),
    ("online grpo model=m data=d learning_rte=1", "learning_rate"),
    ("online mistyped.yaml", "learning_rate"),
    (f"{ONLINE} judge.rulee=exact", "rule"),
    (f"{ONLINE} --set epsilon_lw=1", "epsilon_low"),
    (f"{ONLINE} engine.batchsize=1", "batch_size"),
    (f"{ONLINE} pairing.baselin=none", "baseline"),
    ("compare --objectives dpo,ipo learning_rte=1", "learning_rate"),
    (f"compare --objectives dpo,ipo {RECIPE} --set dpo.betta=1", "beta"),
    ("unlearn --model m --forget d.jsonl learning_rte=1", "learning_rate"),
    ("unlearn mistyped.yaml", "learning_rate"),
    ("unlearn --model m --forget d.jsonl --retain d.jsonl --set betta=1", "beta"),
    ("search search_recipe.yaml", "learning_rate"),
    ("search search_plan.yaml", "evaluations"),
    ("search search_space.yaml", "attention"),
    ("search search_hyper.yaml", "beta"),
    ("pipeline pipeline.yaml", "rounds"),
    ("pipeline stage.yaml", "learning_rate"),
    ("pipeline seven-stages modl=1", "model"),
    ("study study.yaml", "seeds"),
    ("study budget seedss=1", "seeds"),
    ("judge d.jsonl --judge verifier,rulee=exact --out o.jsonl", "rule"),
    ("judge d.jsonl --judge judge.yaml --out o.jsonl", "rule"),
    ("judge d.jsonl --judge verifier --combine weighted,weigths=[1] --out o.jsonl", "weights"),
    (f"evaluate m {JUDGED} verifier,rulee=exact", "rule"),
    (f"evaluate m {JUDGED} verifier --set rulee=exact", "rule"),
    ("prefeval m --judge llm,modl=x", "model"),
    ("audit d.jsonl --judge verifier,rulee=exact", "rule"),
    ("merge a b --out c --method ties,densty=0.2", "density"),
    (f"merge a b --out c --soup greedy {JUDGED} verifier,rulee=exact", "rule"),
    (f"{GENERATE} engne.tuned=1", "engine"),
    (f"{GENERATE} --engine eft engine.tund=1", "tuned"),
    (f"{GENERATE} --choice best-of-n --judge verifier judge.rulee=exact", "rule"),
    ("recommend prepare d.jsonl --out x --tokns 1", "--tokens"),
    ("lab shop --sed 1", "--seed"),
    ("score --data d.jsonl --modl m", "--model"),
]
#: Runs the commands of a file in one process, in which the heavy libraries cannot be imported.
PROGRAM = """
import contextlib, io, json, sys, time
for name in ("torch", "transformers", "datasets", "numpy", "peft", "accelerate"):
    sys.modules[name] = None
from penchant.cli.app import main
found = []
for command in json.load(open("commands.json")):
    said, begun = io.StringIO(), time.process_time()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(command.split())
    found.append([code, said.getvalue(), time.process_time() - begun])
json.dump(found, open("found.json", "w"))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, float]]:
    """Exit code, message and core seconds of every command."""
    folder = tmp_path_factory.mktemp("mistyped")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "commands.json").write_text(json.dumps([command for command, _ in COMMANDS]), encoding="utf-8")
    environment = {**os.environ, "COLUMNS": "200"}
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=folder, env=environment, check=True, timeout=120)
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return {command: tuple(each) for (command, _), each in zip(COMMANDS, found, strict=True)}


@pytest.mark.parametrize(("command", "meant"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_mistyped_key_is_said_without_heavy_libraries(
    command: str, meant: str, answers: dict[str, tuple[int, str, float]]
) -> None:
    code, said, _ = answers[command]
    assert code == 1
    assert "unexpected" not in said.replace("unexpected key", "").replace("unexpected keyword", "")
    assert meant in said, said


def test_it_takes_less_than_a_second(answers: dict[str, tuple[int, str, float]]) -> None:
    assert sorted(seconds for _, _, seconds in answers.values())[len(answers) // 2] < 1


def test_the_table_of_settings_is_current() -> None:
    written = TABLE.read_text(encoding="utf-8")
    assert written == known_settings_text(), "write it anew: python -m penchant.cli.tools.known_settings"


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda each: each.kind)
def test_every_setting_of_every_class_passes(registry: object) -> None:
    for cls in registry.things():  # type: ignore[attr-defined]
        assert issubclass(cls, Configurable)
        name = cls.id if registry is not OBJECTIVES or is_method(cls.id) else f"{cls.id}(dpo)"
        for each in cls.declared_settings():
            check_part_keys(registry.kind, {"name": name, each.name: None})  # type: ignore[attr-defined]
            check_part_keys(registry.kind, {"name": name, each.attribute: None})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "hyper"),
    [
        ("dpo+0.2*nll", {"dpo.beta": 0.2, "average": False}),
        ("dpo + 0.2*infonca", {"dpo#2.beta": 0.2}),
        ("infonca", {"beta": 0.2}),
        ("1e-2*clipped(dpo)+nll", {"high": 2.0}),
        ("npo-retain", {"npo.beta": 0.2}),
    ],
)
def test_what_an_expression_takes_passes(name: str, hyper: dict[str, object]) -> None:
    build(name, **hyper)
    check_part_keys("objective", {"name": name, **hyper})


def test_what_is_not_packaged_is_left_to_whoever_builds_it() -> None:
    check_part_keys("objective", {"name": "of-a-plugin", "strength": 1})
    check_part_keys("objective", {"name": "loss", "path": "loss.py:Loss", "strength": 1})
    check_part_keys("judge", {"name": "of-a-plugin", "strength": 1})
    check_part_keys("judge", None)
