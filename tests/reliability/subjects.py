"""What is killed: commands, where in them, and what a user runs afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from penchant.training.checkpoints import SEAL
from reliability.commands import ANYTHING, Calls
from small_runs import model_folder, pairs, write_pairs

__all__ = ["FILES", "RUNS", "Given", "OneFile", "Run", "make_given"]

CONVERTED = """model_name_or_path: some/model
dataset_name: some/data
loss_type: ipo
beta: 0.2
learning_rate: 1.0e-6
per_device_train_batch_size: 2
gradient_accumulation_steps: 8
num_train_epochs: 2
"""
JUDGE = '''"""A judge for the tests."""


def reds(prompt, response):
    """How often the response says "red", less a little for length."""
    words = response.split()
    return words.count("red") - 0.01 * len(words) - 0.001 * sum(map(len, words))
'''


@dataclass(frozen=True)
class Given:
    """What the commands read: a model, pairs, prompts, answers, a foreign configuration and a judge."""

    folder: Path

    def words(self, text: str) -> list[str]:
        """The words of a command in which {given} stands for the folder."""
        return text.format(given=self.folder).split()


def make_given(folder: Path) -> Given:
    """Write it."""
    folder.mkdir(parents=True)
    model_folder(folder / "model")
    write_pairs(folder / "pairs.jsonl")
    write_pairs(folder / "prompts.jsonl", [{"prompt": row["prompt"], "answer": "red"} for row in pairs(12)])
    answers = [
        {
            "prompt": f"{number} + 1 =",
            "answer": number + 1,
            "responses": [f"{number + 1}", f"{number}", f"{number + 2}"],
        }
        for number in range(40)
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers), encoding="utf-8")
    (folder / "trl.yaml").write_text(CONVERTED, encoding="utf-8")
    return Given(folder)


@dataclass(frozen=True)
class Run:
    """A command that writes a folder.

    Args:
        name: the row of the table.
        words: of the command.
        again: more words for those after a kill.
        form: of the paths on which it is killed (fnmatch); None: at a random moment of its processor time.
        calls: kinds of calls at which it is killed.
        kills: how many.
        former: words of a run that is in the folder before.
        without: see `command_server.WITHOUT`.
        resumed: the run that goes on is killed as well.
    """

    name: str
    words: str
    again: str = "--resume"
    form: str | None = None
    calls: Calls = ANYTHING
    kills: int = 10
    former: str | None = None
    without: Sequence[str] = ("pictures",)
    resumed: bool = False

    def places(self, calls: Sequence[tuple[Calls, str]]) -> list[int]:
        """Numbers of the calls, from 1 among all, at which it is to be killed: evenly over those of its form."""
        assert self.form is not None
        found = [
            number for number, (kind, path) in enumerate(calls, 1) if kind & self.calls and fnmatch(path, self.form)
        ]
        assert len(found) >= self.kills, f"{self.name}: {len(found)} calls on {self.form}"
        return [found[(2 * number + 1) * len(found) // (2 * self.kills)] for number in range(self.kills)]


TRAIN = (
    "train --model {given}/model --data {given}/pairs.jsonl --objective beta-dpo --set filter_ratio=0.75 "
    "--out run batch_size=4 max_steps=8 learning_rate=1e-2 save_every=2 keep_checkpoints=2 eval_every=4 "
    "reference=cached samples=2"
)
BEST = f"{TRAIN} keep=best metric=loss"
LORA = f"{TRAIN} lora.rank=2"
ONLINE = (
    "online grpo --model {given}/model --data {given}/prompts.jsonl --out run "
    "judge.name=function judge.path=judging.py:reds iterations=4 save_rounds=2 prompts_per_iteration=4 "
    "samples_per_prompt=3 max_new_tokens=5 batch_size=2 save_every=1 learning_rate=3e-3 eval_limit=4 "
    "samples=1 objective.beta=0.05"
)
COMPARE = (
    "compare --objectives dpo,ipo --seeds 1 --out run model={given}/model data={given}/pairs.jsonl batch_size=4 "
    "max_steps=4 learning_rate=1e-2 save_every=2 samples=0"
)
CLAIMS = "claims kto-binary-signal --jobs 1 --cache seeds --out run"

RUNS = (
    Run("train, at a random moment", BEST, kills=20, without=()),
    Run("train, at any change of a file", BEST, form="*/run/*", kills=20),
    Run(
        "train, while it starts",
        TRAIN,
        form="*/run/*recipe.yaml*",
        calls=Calls.OPEN | Calls.WRITE | Calls.RENAME,
        kills=3,
    ),
    Run("train, while a checkpoint is written", TRAIN, form="*/run/checkpoints/checkpoint-*/*"),
    Run("train, while a checkpoint is sealed", TRAIN, form=f"*/run/checkpoints/*/{SEAL}*"),
    Run("train, while old checkpoints are deleted", TRAIN, form="*/run/checkpoints/*", calls=Calls.REMOVE),
    Run("train, while the best weights are written", BEST, form="*/run/best/*"),
    Run("train, while the cache is written", TRAIN, form="*/cache/*"),
    Run("train, while the log is written", TRAIN, form="*/metrics.jsonl*"),
    Run("train, while the model is written", TRAIN, form="*/run/model/*"),
    Run("train, while the report is written", TRAIN, form="*report.html*", without=()),
    Run("train an adapter, at any change of a file", LORA, form="*/run/*"),
    Run("train, killed again while it goes on", BEST, form="*/run/*", resumed=True),
    Run(
        "train, while an earlier run is overwritten",
        f"{TRAIN} --overwrite",
        again="--overwrite",
        form="*/run/*",
        calls=Calls.REMOVE,
        former=f"{TRAIN} seed=7 objective.beta=0.3",
    ),
    Run("online, at a random moment", ONLINE),
    Run("online, between rounds", ONLINE, form="*/run/states/*"),
    Run("online, inside rounds", ONLINE, form="*/run/rounds/*"),
    Run("online, while model and report are written", ONLINE, form="*/run/[!rs]*"),
    Run("compare, at a random moment", COMPARE),
    Run("compare, at any change of a file", COMPARE, form="*/run/*"),
    Run("claims, at a random moment", f"{CLAIMS}", again="--overwrite", without=("pictures", "record")),
    Run("claims, while a seed is kept", CLAIMS, again="--overwrite", form="*/seeds/*", without=("pictures", "record")),
    Run(
        "claims, while results are written",
        CLAIMS,
        again="--overwrite",
        form="*/run/*",
        kills=6,
        without=("pictures", "record"),
    ),
)


@dataclass(frozen=True)
class OneFile:
    """A command that writes one file.

    Args:
        name: the row of the table.
        words: of the command.
        output: the file.
    """

    name: str
    words: str
    output: str


FILES = (
    OneFile("data check --json", "data check {given}/pairs.jsonl --json out/found.json", "out/found.json"),
    OneFile("data verify", "data verify {given}/answers.jsonl --out pairs.jsonl", "pairs.jsonl"),
    OneFile("data build", "data build degrade {given}/pairs.jsonl --extractor rake --out built.jsonl", "built.jsonl"),
    OneFile(
        "data build, with a model",
        "data build sources {given}/pairs.jsonl --source {given}/model --initial {given}/model --out out/built.jsonl",
        "out/built.jsonl",
    ),
    OneFile("score", "score --data {given}/pairs.jsonl --model {given}/model --out scores.jsonl", "scores.jsonl"),
    OneFile(
        "diagnose",
        "diagnose --data {given}/pairs.jsonl --model {given}/model --reference {given}/model --json out/found.json",
        "out/found.json",
    ),
    OneFile("plan", "plan model={given}/model data={given}/pairs.jsonl --json plan.json", "plan.json"),
    OneFile("convert", "convert {given}/trl.yaml --out recipe.yaml", "recipe.yaml"),
)
