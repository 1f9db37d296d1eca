"""`Practice`: a world in which a tiny model learns from careless demonstrations and then improves online."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.lab.checkpoints import keep
from penchant.lab.experiment_files import keep_rows
from penchant.lab.start_models import reads_teacher, train_small
from penchant.lab.worlds.sums.experiment import Outcome, outcome_of

__all__ = ["Improved", "Practice", "Rows"]

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Practice:
    """Data, a start model and the online methods of a world.

    The start model is the same for all seeds; a seed decides the prompts, those that are held out, and what is drawn.

    Args:
        name: of the world, and of its file of prompts.
        rows: from a seed to prompts with what the judge needs, each with a ``split``: train or test.
        shown: makes the demonstrations of the start model.
        tokenizer: builds the tokenizer.
        methods: for each method the keys of its recipe beside ``keys``.
        keys: of every recipe.
        made_by: modules whose source the start model depends on.
        taught: makes the right demonstrations of a stronger model, the teacher; None for a world without one.
        hidden, epochs, batch_size, learning_rate: of the start model's training.
    """

    name: str
    rows: Callable[[int], Rows]
    shown: Callable[[], Rows]
    tokenizer: Callable[[], Any]
    methods: Mapping[str, Mapping[str, Any]]
    keys: Mapping[str, Any]
    made_by: Sequence[str]
    taught: Callable[[], Rows] | None = None
    hidden: int = 96
    epochs: float = 3
    batch_size: int = 64
    learning_rate: float = 3e-3

    def train_start(self, output: Path, *, overwrite: bool = False, progress: bool = False) -> None:
        """Train the start model in ``output/start``.

        Args:
            output: a folder.
            overwrite: replace what is there.
            progress: show the progress on stderr.
        """
        self._train(output / "start", self.shown(), overwrite, progress)

    def train_teacher(self, output: Path, *, overwrite: bool = False, progress: bool = False) -> None:
        """Train a stronger model of the same kind in ``output/teacher``, on right demonstrations.

        Args:
            output: a folder.
            overwrite: replace what is there.
            progress: show the progress on stderr.

        Raises:
            ConfigurationError: the world has none.
        """
        if self.taught is None:
            raise ConfigurationError(f"The world {self.name!r} has no teacher.", fix="Choose another method.")
        self._train(output / "teacher", self.taught(), overwrite, progress)

    def _train(self, output: Path, shown: Rows, overwrite: bool, progress: bool) -> None:
        sizes: dict[str, Any] = {
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
        }
        given: dict[str, Any] = {
            "hidden": self.hidden,
            "overwrite": overwrite,
            "progress": progress,
            "group_by_length": True,
        }
        train_small(self.tokenizer(), shown, output, **given, **sizes)

    def write_rows(self, output: Path, seed: int, overwrite: bool = False) -> Path:
        """Write the prompts of a seed into ``output``, and return their file.

        Args:
            output: a folder.
            seed: of the prompts.
            overwrite: replace another file there.
        """
        return keep_rows(output / f"{self.name}.jsonl", self.rows(seed), overwrite)

    def run(
        self,
        output: Path,
        method: str,
        *,
        seed: int = 0,
        resume: bool = False,
        overwrite: bool = False,
        progress: bool = False,
        say: Callable[[str], None] = print,
        **changed: Any,
    ) -> Outcome:
        """Train the start model where there is none, then improve it online.

        Args:
            output: folder for the prompts, the run ``start/``, and the online run, named after its method.
            method: one of ``methods``.
            seed: of prompts and draws.
            resume: continue an interrupted online run.
            overwrite: replace the contents of ``output``.
            progress: show the progress on stderr.
            say: called with a line of text at each step.
            changed: further keys of the recipe.

        Raises:
            ConfigurationError: there is no such method.
        """
        from penchant.online.loop import run_online
        from penchant.online.recipe import make_online_recipe
        from penchant.training.preparation import Given
        from penchant.training.progress import ProgressReporter

        if method not in self.methods:
            raise ConfigurationError(
                f"The world {self.name!r} has no method {method!r}. {nearest(method, self.methods)}", where="method"
            )
        start = output / "start" / "model"
        if overwrite or not (start / "config.json").is_file():
            say(f"Train a small model of the world {self.name} on careless demonstrations")
            self.train_start(output, overwrite=overwrite, progress=progress)
        recipe = make_online_recipe(
            {
                **self._teacher(output, method, overwrite, progress, say),
                "model": str(start),
                "data": str(self.write_rows(output, seed, overwrite)),
                "output": str(output / method),
                "split": "train",
                "eval_split": "test",
                "samples": 8,
                "seed": seed,
                "method": method,
                **self.keys,
                **self.methods[method],
                **changed,
            }
        )
        say(f"Improve it online: {method}, {recipe.iterations} rounds")
        reporter = ProgressReporter(not progress)
        return outcome_of(method, run_online(recipe, Given(), resume=resume, overwrite=overwrite, reporter=reporter))

    def _teacher(
        self, output: Path, method: str, overwrite: bool, progress: bool, say: Callable[[str], None]
    ) -> dict[str, str]:
        """The key of the teacher, where the method has one; it is trained where there is none."""
        if not reads_teacher(method):
            return {}
        model = output / "teacher" / "model"
        if overwrite or not (model / "config.json").is_file():
            say(f"Train a stronger model of the world {self.name} on right demonstrations")
            self.train_teacher(output, overwrite=overwrite, progress=progress)
        return {"teacher": str(model)}

    def start(self, *, folder: Path | None = None) -> Path:
        """A folder with the start model in ``start/``, kept on this machine; do not write to it.

        Args:
            folder: of the cache; default as in `penchant.lab.checkpoints.keep`.
        """
        made_by = ("penchant.lab.worlds.practice", "penchant.lab.worlds.language.model", *self.made_by)
        settings = {"epochs": self.epochs, "rate": self.learning_rate, "hidden": self.hidden}
        return keep(f"{self.name}-start", settings, made_by, self.train_start, folder=folder)

    def improve(self, method: str, seed: int, *, folder: Path | None = None, **changed: Any) -> Improved:
        """The same from a start model that is kept on this machine.

        Args:
            method: one of ``methods``.
            seed: of all random draws.
            folder: of the cache; default as in `penchant.lab.checkpoints.keep`.
            changed: further keys of the recipe.
        """
        start = self.start(folder=folder)
        with tempfile.TemporaryDirectory() as place:
            output = Path(place) / self.name
            shutil.copytree(start, output)
            found = self.run(output, method, seed=seed, say=lambda text: None, **changed)
            lines = (found.result.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        rounds = [row for row in map(json.loads, lines) if "sampled/length" in row]
        return Improved(tuple(right for _, right, _, _ in found.curve), tuple(rounds), found.result.model)


@dataclass(frozen=True)
class Improved:
    """What an online run did.

    Args:
        accuracy: on held-out prompts at the start and at each measurement.
        rounds: the metrics of each round that was sampled.
        model: the result.
    """

    accuracy: tuple[float, ...]
    rounds: tuple[Mapping[str, float], ...]
    model: Any

    def mean(self, name: str) -> float:
        """The mean of a metric over the rounds that have it."""
        known = [each[name] for each in self.rounds if name in each]
        return sum(known) / len(known)
