"""Every key of TRL, LLaMA-Factory and axolotl is answered, and every counterpart exists."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel

import penchant
from penchant.cli.app import app
from penchant.errors import ConfigurationError
from penchant.likelihood.adapting.kinds import adapter_kinds
from penchant.objectives.core.registry import OBJECTIVES, names
from penchant.online.recipe import OnlineRecipe, methods
from penchant.training import make_recipe
from penchant.training.coming_from.answers import LIBRARIES, answer_to, answers_of
from penchant.training.recipe import Recipe

NAMES = Path(__file__).parent / "names"


HYPER = {each.name for cls in OBJECTIVES.things() for each in cls.hyperparameters()}


def commands() -> set[str]:
    """All commands of the command line, with the methods of online runs."""
    root = typer.main.get_command(app)
    found: set[str] = {"penchant online grpo"}
    waiting = [("penchant", root)]
    while waiting:
        path, command = waiting.pop()
        found.add(path)
        waiting += [(f"{path} {name}", each) for name, each in getattr(command, "commands", {}).items()]
    return found


def options() -> set[str]:
    root = typer.main.get_command(app)
    found = {"--debug"}
    for name in ("train", "online"):
        found |= {option for each in root.commands[name].params for option in each.opts}
    return found


def exists(counterpart: str) -> bool:
    if counterpart.startswith("--"):
        return counterpart in options()
    if counterpart.startswith("accelerate launch"):
        return set(counterpart.split()[2:]) <= {"--use_fsdp", "--use_deepspeed"}
    if counterpart.startswith("penchant "):
        return counterpart in commands()
    if counterpart.startswith("penchant.train("):
        return counterpart[15:].partition("=")[0] in inspect.signature(penchant.train).parameters
    key, _, part = counterpart.partition(".")
    if key == "objective" and part:
        return part in HYPER
    if part:
        return key in Recipe.model_fields and any(
            part in form.model_fields for form in parts(Recipe.model_fields[key].annotation)
        )
    return key in OnlineRecipe.model_fields


def parts(annotation: Any) -> list[type[BaseModel]]:
    """The classes of the parts that a key may have."""
    own = [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    return own + [each for inner in get_args(annotation) for each in parts(inner)]


@pytest.mark.parametrize("table", LIBRARIES)
def test_every_counterpart_exists(table: str) -> None:
    ours = {each for answer in answers_of(table).values() for each in answer.ours}
    assert {each for each in ours if not exists(each)} == set()


@pytest.mark.parametrize("table", LIBRARIES)
def test_an_answer_names_a_counterpart_or_gives_the_reason(table: str) -> None:
    for key, answer in answers_of(table).items():
        assert answer.ours or answer.note, key
        assert not answer.note.endswith("."), f"{key}: the sentence ends it"


@pytest.mark.parametrize("table", LIBRARIES)
def test_no_answer_denies_what_there_is(table: str) -> None:
    """The reason why a key has no counterpart names no objective, method or kind of adapter that exists."""
    ours = {*names(), *methods(), *adapter_kinds()} - {"lora", "power"}
    for key, answer in answers_of(table).items():
        said = {word.strip(".,;:()").lower() for word in answer.note.split()}
        assert answer.ours or not ours & said, f"{key}: {ours & said}: {answer.note}"
        assert answer.ours or "reward models" not in answer.note, key


@pytest.mark.parametrize(
    "key",
    "pref_bco_weight ppo_epochs oft_rank freeze_trainable_layers center_rewards_coefficient reward_model lr_groups "
    "unfrozen_parameters gradio_title teacher_model_name_or_path".split(),
)
def test_what_came_later_is_answered_with_it(key: str) -> None:
    answers = [found for table in LIBRARIES if (found := answers_of(table).get(key))]
    assert answers and all(each.ours for each in answers)


@pytest.mark.parametrize(
    "name",
    "DPOConfig KTOConfig SFTConfig GRPOConfig RewardConfig RLOOConfig DistillationConfig ModelConfig ScriptArguments "
    "DatasetMixtureConfig scripts.grpo.GRPOScriptArguments scripts.rloo.RLOOScriptArguments experimental.cpo.CPOConfig "
    "experimental.orpo.ORPOConfig experimental.online_dpo.OnlineDPOConfig experimental.gkd.GKDConfig".split(),
)
def test_every_key_of_the_installed_trl_is_answered(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    trl = pytest.importorskip("trl")
    *path, last = name.split(".")
    module = __import__(".".join(["trl", *path]), fromlist=[last]) if path else trl
    known = answers_of("trl") | answers_of("transformers")
    fields = {field.name for field in dataclasses.fields(getattr(module, last))}
    assert fields - known.keys() == set()


@pytest.mark.parametrize("table", ["llama_factory", "axolotl"])
def test_every_key_of_the_published_configurations_is_answered(table: str) -> None:
    # Beside its own keys, axolotl's part `trl` has those of TRL.
    known = answers_of(table) | answers_of("transformers" if table == "llama_factory" else "trl")
    names = set((NAMES / f"{table}.txt").read_text(encoding="utf-8").split())
    assert len(names) > 150
    assert names - known.keys() == set()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("max_prompt_length", "TRL's `max_prompt_length` is `max_length` with `truncation` here"),
        ("per_device_train_batch_size", "transformers' `per_device_train_batch_size` is `batch_size` here"),
        ("cutoff_len", "LLaMA-Factory's `cutoff_len` is `max_length` here."),
        ("micro_batch_size", "axolotl's `micro_batch_size` is `batch_size` here"),
        ("padding_free", "TRL's `padding_free` has no counterpart here: a batch holds no padding"),
        ("processing_class", "`penchant.train(tokenizer=...)`"),
        ("beta", "TRL's `beta` is `objective.beta` here."),
        ("betta", "Did you mean 'beta'? TRL's `beta` is `objective.beta` here."),
        ("lr", "It is called learning_rate here."),
        ("anchor", "It is called reference here."),
    ],
)
def test_the_error_answers(key: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_recipe({"model": "m", "data": "d", key: 1}, "recipe.yaml")
    assert f"recipe.yaml: There is no key {key!r}. " in str(caught.value) and said in str(caught.value)


def test_a_file_of_another_library_is_said_to_be_one() -> None:
    foreign = {"model_name_or_path": "m", "stage": "dpo", "pref_beta": 0.1, "cutoff_len": 5}
    with pytest.raises(ConfigurationError, match="penchant convert FILE"):
        make_recipe(foreign)


@pytest.mark.parametrize("table", LIBRARIES)
def test_every_key_that_is_not_ours_is_answered_when_it_is_met(table: str) -> None:
    own = OnlineRecipe.model_fields
    for key in answers_of(table):
        found = answer_to(key)
        assert found is not None and found.key == key
        if key not in own:
            with pytest.raises(ConfigurationError) as caught:
                make_recipe({"model": "m", "data": "d", key: 1})
            assert found.sentence in str(caught.value)


COMMANDS = [
    ["train", "betta=1"],
    ["train", "mistyped.yaml"],
    ["online", "grpo", "betta=1"],
    ["compare", "--objectives", "dpo,ipo", "betta=1"],
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_key_is_reported_before_torch_is_loaded(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "mistyped.yaml").write_text("model: m\ndata: d\nbetta: 1\n")
    script = (
        "import sys\n"
        "from penchant.cli.app import main\n"
        f"code = main({command!r})\n"
        "heavy = {'torch', 'transformers', 'datasets', 'numpy'} & sys.modules.keys()\n"
        "print(code, sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "There is no key 'betta'" in done.stderr
    assert done.stdout.strip() == "1 []"
