"""The shop experiment: a clerk learns from ratings that users give at once, or after they know more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError, nearest
from penchant.lab.checkpoints import keep
from penchant.lab.experiment_files import keep_rows, keep_text
from penchant.lab.start_models import reads_teacher, train_small
from penchant.lab.worlds.shop.world import Counted, ShopWorld, measure_clerk

if TYPE_CHECKING:
    from penchant.training.run import Result

__all__ = ["FEEDBACK", "MADE_BY", "METHODS", "Plan", "ShopOutcome", "run_shop", "teacher_clerk", "train_clerk"]

#: The modules whose source a clerk depends on.
MADE_BY = (
    __name__,
    "penchant.lab.worlds.shop.world",
    "penchant.lab.worlds.shop.counter",
    "penchant.lab.worlds.language.model",
)

#: When users rate, and the turns of hindsight before.
FEEDBACK = {"foresight": 0, "partial": 1, "full": 2}

#: The settings of each method in addition to its recipe: a small model needs larger steps.
METHODS: dict[str, dict[str, Any]] = {
    "rlhs": {"iterations": 15, "prompts_per_iteration": 256, "batch_size": 64, "learning_rate": 1e-3},
    "grpo": {"iterations": 20, "samples_per_prompt": 8, "batch_size": 64, "learning_rate": 1e-3},
    "rloo": {"iterations": 20, "samples_per_prompt": 8, "batch_size": 64, "learning_rate": 1e-3},
    "ppo": {"iterations": 20, "samples_per_prompt": 8, "batch_size": 64, "epochs": 2, "learning_rate": 1e-3},
    # What the teacher would say decides alone; the ratings are measured.
    "on-policy-distillation": {"iterations": 20, "samples_per_prompt": 4, "batch_size": 64, "learning_rate": 1e-3},
}


@dataclass(frozen=True)
class Plan:
    """Sizes of the experiment; the defaults take about a minute on two cores.

    Args:
        world: the shop.
        requests, held_out: number of requests for training, and of others to measure on.
        shown, epochs, rate: demonstrations, passes and learning rate of the first clerk.
        rounds: of the online run; those of the method if None.
    """

    world: ShopWorld = field(default_factory=ShopWorld)
    requests: int = 2000
    held_out: int = 300
    shown: int = 4000
    epochs: float = 4
    rate: float = 5e-3
    rounds: int | None = None

    def kept(self, seed: int) -> dict[str, Any]:
        """The settings that a kept clerk depends on.

        Args:
            seed: of demonstrations and weights.
        """
        return {"seed": seed} | {name: each for name, each in asdict(self).items() if name != "rounds"}


@dataclass(frozen=True)
class ShopOutcome:
    """Expectations of the clerk before and after, and the run."""

    method: str
    feedback: str
    before: Counted
    after: Counted
    result: Result


def run_shop(
    output: Path,
    *,
    method: str = "rlhs",
    feedback: str = "full",
    plan: Plan | None = None,
    seed: int = 0,
    say: Callable[[str], None] = print,
    progress: bool = False,
    resume: bool = False,
    overwrite: bool = False,
) -> ShopOutcome:
    """Train the first clerk, then improve it online by the users' ratings.

    Args:
        output: folder for the data (``requests.jsonl``, ``shop.py``), the run ``start/``, and the online run.
        method: one of `METHODS`.
        feedback: one of `FEEDBACK`: ratings right after the clerk's words, after the purchase, or with all facts known.
        plan: sizes; the defaults if None.
        seed: seed of all random draws.
        say: called with a line of text at each step.
        progress: show the progress of the runs on stderr.
        resume: resume an interrupted online run; an existing start model is reused.
        overwrite: replace the contents of ``output``.

    Raises:
        ConfigurationError: there is no such method or feedback.
        OutputError: ``output`` contains another experiment, or cannot be written.
    """
    from penchant.online.loop import run_online
    from penchant.online.recipe import make_online_recipe
    from penchant.training.preparation import Given
    from penchant.training.progress import ProgressReporter

    for given, known, what in ((method, METHODS, "method"), (feedback, FEEDBACK, "feedback")):
        if given not in known:
            raise ConfigurationError(f"The shop has no {what} {given!r}. {nearest(given, known)}")
    plan = plan or Plan()
    start = output / "start" / "model"
    if not (start / "config.json").is_file() or (overwrite and not resume):
        say("Train a clerk on demonstrations of which some are dishonest")
        train_clerk(output, plan, seed=seed, overwrite=overwrite, progress=progress)
    keys = _keys(output, start, method, feedback, plan, seed)
    if reads_teacher(method):
        say("Take a stronger clerk, who says the cheapest thing that fits")
        keys["teacher"] = str(teacher_clerk(plan, seed))
    recipe = make_online_recipe(keys)
    say(f"Improve it by ratings with {feedback} feedback: {method}, {recipe.iterations} rounds")
    result = run_online(recipe, Given(), resume=resume, overwrite=overwrite, reporter=ProgressReporter(not progress))
    return ShopOutcome(
        method, feedback, _measured(start, plan, seed), _measured(result.folder / "model", plan, seed), result
    )


def _keys(output: Path, start: Path, method: str, feedback: str, plan: Plan, seed: int) -> dict[str, Any]:
    """The online run's recipe."""
    functions = output / "shop.py"
    judge = {
        "name": "hindsight",
        "inner": {"name": "function", "path": f"{functions}:rate"},
        "simulator": {"name": "function", "path": f"{functions}:follows"},
        "turns": FEEDBACK[feedback],
    }
    return {
        "method": method,
        "model": str(start),
        "data": str(output / "requests.jsonl"),
        "output": str(output / f"{method}-{feedback}"),
        "judge": judge,
        "max_new_tokens": 3,
        "engine": {"name": "transformers", "batch_size": 2048},
        "eval_limit": 32,
        "samples": 12,
        "seed": seed,
        **METHODS[method],
        **({"iterations": plan.rounds} if plan.rounds else {}),
    }


def _measured(folder: Path, plan: Plan, seed: int) -> Counted:
    from penchant.likelihood.loading import load_model
    from penchant.rendering.tokenizer import load_tokenizer

    rows = plan.world.requests(plan.held_out, seed + 500_000)
    return measure_clerk(load_model(str(folder)), load_tokenizer(str(folder)), rows)


def train_clerk(output: Path, plan: Plan, *, seed: int, overwrite: bool, progress: bool = False) -> Result:
    """Write ``requests.jsonl`` and ``shop.py``, and train the first clerk on its demonstrations."""
    from penchant.lab.worlds.shop import counter

    source = Path(str(counter.__file__)).read_text(encoding="utf-8")
    rows = plan.world.requests(plan.requests, seed)
    keep_rows(output / "requests.jsonl", rows, overwrite)
    keep_text(output / "shop.py", source, overwrite)
    return _train(output / "start", plan, plan.world, seed=seed, overwrite=overwrite, progress=progress)


def teacher_clerk(plan: Plan, seed: int, *, folder: Path | None = None) -> Path:
    """The folder of a stronger clerk, the teacher, whose demonstrations are all honest; trained once on this machine.

    Args:
        plan: sizes.
        seed: of demonstrations and weights.
        folder: of the cache; default as in `penchant.lab.checkpoints.keep`.
    """

    def train_it(place: Path) -> None:
        _train(place / "run", plan, replace(plan.world, honest=1.0), seed=seed, overwrite=False)

    return keep("shop-teacher", plan.kept(seed), MADE_BY, train_it, folder=folder) / "run" / "model"


def _train(output: Path, plan: Plan, world: ShopWorld, *, seed: int, overwrite: bool, progress: bool = False) -> Result:
    """Train a clerk on the demonstrations of a shop."""
    shown = world.demonstrations(plan.shown, seed + 1_000_000)
    sizes: dict[str, Any] = {"batch_size": 64, "epochs": plan.epochs, "learning_rate": plan.rate, "hidden": 64}
    return train_small(world.tokenizer(), shown, output, seed=seed, overwrite=overwrite, progress=progress, **sizes)
