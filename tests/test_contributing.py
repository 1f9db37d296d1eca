"""CONTRIBUTING shows the real cost of adding something: its programs, and nothing else, make a thing known by name."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.registry import Registry

GUIDE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: A path on a line of its own, and the program that belongs there.
PROGRAM = re.compile(r"^`((?:(?:src/penchant|tests)/)?[\w/]+\.py)`\n\n```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
PACKAGE = "contributed"

Load = Callable[[str], ModuleType]


def programs(section: str) -> dict[str, str]:
    """The programs of a section by path."""
    _, after = GUIDE.split(f"\n## {section}\n", 1)
    return dict(PROGRAM.findall(SECTION.split(after, 1)[0]))


#: What each section promises: these files and no others.
PROMISED = {
    "Add a method": {
        "src/penchant/objectives/pairwise/my_hinge.py",
        "tests/objectives/pairwise/by_hand.py",
        "tests/objectives/pairwise/test_my_hinge.py",
    },
    "Add a judge": {"my_rewards.py", "src/penchant/rewards/brevity.py"},
    "Add a builder of data": {"src/penchant/curation/cut_short.py"},
    "Add a world": {"src/penchant/lab/worlds/counting/world.py"},
    "Add a claim": {"src/penchant/lab/claims/papers/pairwise/ipo_stays_near.py"},
}


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """Imports a program of the guide from a package that holds them all, by the path that the guide gives it."""
    root = tmp_path_factory.mktemp("guide")
    for section in PROMISED:
        for name, program in programs(section).items():
            path = root / PACKAGE / name.removeprefix("src/penchant/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(program, encoding="utf-8")
            for folder in path.relative_to(root).parents[:-1]:
                (root / folder / "__init__.py").touch()
    sys.path.insert(0, str(root))
    yield lambda name: importlib.import_module(dotted(name))
    sys.path.remove(str(root))
    forget_package()


def dotted(path: str) -> str:
    """The module of a path of the guide."""
    return f"{PACKAGE}." + path.removeprefix("src/penchant/").removesuffix(".py").replace("/", ".")


def forget_package() -> None:
    """What is imported next is defined, and so registered, anew."""
    for name in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@contextmanager
def found_by_itself(registry: Registry[Any], folder: str, name: str) -> Iterator[None]:
    """The registry walks the folder's copy in the package as it walks the folder; afterwards the name is gone."""
    registry.discover()
    assert name not in registry
    patch = pytest.MonkeyPatch()
    patch.setattr(registry, "packages", (dotted(folder),))
    patch.setattr(registry, "_discovered", False)
    try:
        assert name in registry
        yield
    finally:
        if name in registry:
            registry.remove(name)
        patch.undo()
        forget_package()


def run_examples(module: ModuleType) -> None:
    """The examples of its docstrings; there is at least one."""
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0


@pytest.mark.parametrize("section", PROMISED)
def test_a_section_shows_the_files_that_it_promises(section: str) -> None:
    assert set(programs(section)) == PROMISED[section]


def test_every_promise_is_a_section_of_the_guide() -> None:
    assert {each for each in SECTION.findall(GUIDE) if each.startswith("Add ")} == set(PROMISED)


def test_a_method_is_its_file_its_row_and_its_test(load: Load) -> None:
    from objectives import test_battery as battery
    from penchant.objectives import build, evaluate
    from penchant.objectives.core.registry import OBJECTIVES

    with found_by_itself(OBJECTIVES, "objectives", "my-hinge"):
        assert build("my-hinge", beta=0.2).hyper == {"beta": 0.2}
        assert build("my-hinge+0.1*nll").id == "my-hinge+0.1*nll"
        for name, hyper, views, expected in load("tests/objectives/pairwise/by_hand.py").BY_HAND:
            assert name == "my-hinge" and evaluate(name, hyper, views)["losses"] == [expected]
        laws = [each for name, each in vars(battery).items() if name.startswith("test_")]
        for law in laws:
            given = {"objective": build("my-hinge"), "name": "my-hinge"}
            if set(inspect.signature(law).parameters) in ({"objective"}, {"name"}):
                law(**{name: value for name, value in given.items() if name in inspect.signature(law).parameters})
        load("tests/objectives/pairwise/test_my_hinge.py").test_beyond_its_margin_loss_and_gradient_are_zero()
        run_examples(load("src/penchant/objectives/pairwise/my_hinge.py"))
    assert sum(list(inspect.signature(law).parameters) == ["objective"] for law in laws) >= 8


def test_a_method_is_shown_as_any_other(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    from penchant.objectives.core.registry import OBJECTIVES

    with found_by_itself(OBJECTIVES, "objectives", "my-hinge"):
        assert main(["methods", "show", "my-hinge"]) == 0
    shown = capsys.readouterr().out
    assert "max(0, 1 − β" in shown and "inverse temperature of the implied reward" in shown and "pairwise" in shown


def test_a_judge_is_its_file(load: Load) -> None:
    from penchant.errors import ConfigurationError
    from penchant.rewards.registry import JUDGES, build_judge

    with found_by_itself(JUDGES, "rewards", "brevity"):
        judge = build_judge({"name": "brevity", "target": 1}, [])
        assert judge is not None and judge.score("?", ["a", "a b c"]) == [0.0, -2.0]
        with pytest.raises(ConfigurationError, match="'target' is -1"):
            build_judge({"name": "brevity", "target": -1}, [])
        run_examples(load("src/penchant/rewards/brevity.py"))


def test_a_function_in_the_working_folder_is_a_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.rewards.registry import build_judge

    (tmp_path / "my_rewards.py").write_text(programs("Add a judge")["my_rewards.py"], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    monkeypatch.setitem(sys.modules, "my_rewards", None)  # so that the import is undone afterwards
    monkeypatch.delitem(sys.modules, "my_rewards")
    judge = build_judge({"name": "function", "path": "my_rewards:brevity"}, [])
    assert judge is not None and judge.score("?", ["a", "a b c"]) == [-1.0, -3.0]


def test_a_builder_is_its_file(load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from penchant.curation.registry import BUILDERS

    file, output = tmp_path / "demonstrations.jsonl", tmp_path / "pairs.jsonl"
    rows = [{"prompt": "Tea?", "completion": text} for text in ("a cup of tea please", "No")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    line = ["data", "build", "cut-short", str(file), "-o", str(output)]
    with found_by_itself(BUILDERS, "curation", "cut-short"):
        assert main([*line, "--share", "0.6"]) == 0
        assert main(["data", "build", "--help"]) == 0
        assert main([*line, "--overwrite", "--share", "2"]) == 1
    said = capsys.readouterr()
    built = [json.loads(text) for text in output.read_text(encoding="utf-8").splitlines()]
    assert built == [{"prompt": "Tea?", "chosen": "a cup of tea please", "rejected": "a cup of"}]
    assert "dropped: a single word" in said.out and "Comparisons of each demonstration with" in said.out
    assert "'share' is 2.0 (float), expected float in (0, 1)" in said.err


def test_a_world_is_its_folder(load: Load) -> None:
    from penchant.lab.worlds.registry import WORLDS

    with found_by_itself(WORLDS, "lab/worlds", "counting"):
        world = WORLDS.get("counting")()
        assert world.prompts(5, seed=2) == world.prompts(5, seed=2) != world.prompts(5, seed=3)
        assert (world.reward("12+1=", "13"), world.reward("12+1=", "14")) == (1.0, 0.0)
        pairs = world.pairs(20, seed=1)
        assert [pair["chosen"] == str(world.answer(pair["prompt"])) for pair in pairs] == [True] * 20


def test_a_claim_is_its_file(load: Load, tmp_path: Path) -> None:
    from penchant.lab.claims.claim import CLAIMS, TUNING_SEEDS
    from penchant.lab.claims.running import run_claims

    with found_by_itself(CLAIMS, "lab/claims/papers", "ipo-stays-near"):
        claim = CLAIMS.get("ipo-stays-near")
        [finding] = run_claims([claim], cache=tmp_path, seeds=list(TUNING_SEEDS)[:5]).findings
    assert finding.verdict == "reproduced" and len(finding.seeds) == 5
