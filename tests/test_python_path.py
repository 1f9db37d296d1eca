"""Functions and classes that a recipe names by their place."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from penchant.errors import ConfigurationError
from penchant.named_code import named_code
from penchant.python_path import beside, find, load_from
from penchant.training.recipe_keys import read_keys


def write(folder: Path, text: str, name: str = "rewards.py") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_file_and_a_module_of_the_current_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "import own_words_here\ndef brevity(p, r): return own_words_here.SIGN * len(r)\n")
    write(tmp_path, "SIGN = -1\n", "own_words_here.py")
    write(tmp_path, "def brevity(p, r): return 1.0\n", "own_rewards_here.py")
    assert load_from(f"{tmp_path}/rewards.py:brevity", "judge")("", "four") == -4
    monkeypatch.chdir(tmp_path)
    assert load_from("rewards.py:brevity", "judge")("", "four") == -4
    assert load_from("own_rewards_here:brevity", "judge")("", "four") == 1.0


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path, "def f(): return 1\n")
    assert load_from(f"{file}:f", "judge")() == 1
    write(tmp_path, "def f(): return 22\n")
    assert load_from(f"{file}:f", "judge")() == 22


RMTREE = "from shutil import rmtree\nimport functools\nremove = functools.partial(rmtree)\n"


def test_a_recipe_names_a_file_beside_it(tmp_path: Path) -> None:
    file = write(tmp_path, "def f(): return 1\n")
    assert beside("rewards.py:f", tmp_path, "judge") == beside("rewards:f", tmp_path, "judge") == f"{file}:f"
    assert beside(f"{file}:f", tmp_path, "judge") == f"{file}:f"
    assert beside("brevity", tmp_path, "judge") == "brevity", "a name of an entry point is left as it is"


@pytest.mark.parametrize("path", ["other.py:f", "torch.nn:Linear", "rw:f", "../rw.py:f", "{here}/rw.py:f", "link.py:f"])
def test_a_recipe_names_nothing_else(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    (tmp_path / "recipe").mkdir()
    here.mkdir()
    write(here, "raise SystemExit('was run')\n", "rw.py")
    write(tmp_path, "raise SystemExit('was run')\n", "rw.py")
    (tmp_path / "recipe" / "link.py").symlink_to(here / "rw.py")
    monkeypatch.chdir(here)
    with pytest.raises(ConfigurationError, match=r"beside.*judge\.path="):
        beside(path.format(here=here), tmp_path / "recipe", "judge")


def recipe_text(key: str, path: str) -> str:
    part = f"judge: {{name: function, path: {path!r}}}" if key == "judge" else f"objective: {{path: {path!r}}}"
    return f"model: m\ndata: d.jsonl\n{part}\n"


@pytest.mark.parametrize("key", ["judge", "objective"])
def test_the_command_line_replaces_what_a_recipe_may_not_name(key: str, tmp_path: Path) -> None:
    recipe = write(tmp_path, recipe_text(key, "/opt/theirs.py:f"), "recipe.yaml")
    with pytest.raises(ConfigurationError, match="beside"):
        read_keys(recipe)
    assert read_keys(recipe, [f"{key}.path"])[key]["path"] == "/opt/theirs.py:f"


def test_dotted_keys_of_a_recipe_are_held_to_the_same(tmp_path: Path) -> None:
    write(tmp_path, "def f(): return 1\n")
    text = "judge: {name: verifier}\njudge.name: function\njudge.path: "
    with pytest.raises(ConfigurationError, match="beside"):
        read_keys(write(tmp_path, f"{text}/opt/theirs.py:f\n", "recipe.yaml"), ["judge"])
    keys = read_keys(write(tmp_path, f"{text}rewards.py:f\n", "recipe.yaml"))
    assert keys["judge.path"] == f"{tmp_path}/rewards.py:f"


DEEPER = {
    "judge.judges[1]": "judge: {name: weighted, judges: [{name: verifier}, {name: function, path: PLACE}]}",
    "eval.judge": "eval: {judge: {name: function, path: PLACE}}",
    "eval.judge.judges[0]": "eval.judge: {name: ensemble, judges: [{name: function, path: PLACE}]}",
    "judge": "judge: function,path=PLACE",
}


@pytest.mark.parametrize("where", DEEPER)
def test_a_place_that_stands_deeper_in_a_recipe_is_held_to_the_same(where: str, tmp_path: Path) -> None:
    file = write(tmp_path, "def f(): return 1\n")
    text = f"data: [{{path: a.jsonl}}]\n{DEEPER[where]}\n"
    good = read_keys(write(tmp_path, text.replace("PLACE", "rewards.py:f"), "recipe.yaml"))
    assert named_code(good) == [(where, f"{file}:f")] and good["data"] == [{"path": "a.jsonl"}]
    theirs = write(tmp_path, text.replace("PLACE", "/opt/theirs.py:f"), "recipe.yaml")
    for replaced in ([], ["objective"], ["judge.name"]):
        with pytest.raises(ConfigurationError, match="beside the recipe"):
            read_keys(theirs, replaced)
    assert named_code(read_keys(theirs, [where.partition("[")[0]])) == [(where, "/opt/theirs.py:f")]


def refused(path: str) -> list[str]:
    """What is said from a recipe and from the command line."""
    said = []
    for name in (lambda: beside(path, Path(), "judge"), lambda: load_from(path, "judge")):
        with pytest.raises(ConfigurationError) as error:
            name()
        said.append(str(error.value))
    return said


@pytest.mark.parametrize(
    "path", ["shutil:rmtree", "timeit:timeit", "builtins:eval", "os.path:join", "os:system", "_thread:exit"]
)
def test_no_module_of_python_is_named(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shutil", "os", "timeit"):
        write(tmp_path, "def rmtree(p, r): return 1.0\nsystem = timeit = rmtree\n", f"{module}.py")
    monkeypatch.chdir(tmp_path)
    assert all("module of Python itself" in each for each in refused(path))


@pytest.mark.parametrize("module", [shutil, pytest, sys.modules[ConfigurationError.__module__]])
def test_no_file_of_a_package_is_named(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(str(module.__file__))
    write(tmp_path, "", "link.py").unlink()
    (tmp_path / "link.py").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    for path in (f"{file}:rmtree", "link.py:rmtree", "link:rmtree"):
        with pytest.raises(ConfigurationError, match="belongs to Python or to an installed package"):
            load_from(path, "judge")
    monkeypatch.chdir(file.parent)
    with pytest.raises(ConfigurationError, match=r"belongs to Python|module of Python itself"):
        load_from(f"{file.stem}:rmtree", "judge")


def test_an_installed_package_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "antigravity", raising=False)
    assert all("torch" in each for each in refused("torch.nn:Linear"))
    refused("antigravity:fly")
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("name", ["rmtree", "remove", "Path", "functools", "length"])
def test_what_a_file_only_imports_is_not_its_own(name: str, tmp_path: Path) -> None:
    file = write(tmp_path, f"{RMTREE}from pathlib import Path\nlength = len\ndef own(p, r): return 1.0\n")
    with pytest.raises(ConfigurationError, match=f"'{name}' is not defined in .*rewards.py"):
        load_from(f"{file}:{name}", "judge")


def test_what_a_file_defines_may_be_wrapped(tmp_path: Path) -> None:
    text = """
import functools

@functools.lru_cache
def cached(p, r): return 1.0

def scaled(scale, p, r): return scale
half = functools.partial(scaled, 0.5)

class Judge:
    def __call__(self, p, r): return 2.0
    def score(self, p, r): return 3.0
judge = Judge()
score = judge.score
short = lambda p, r: 4.0
"""
    file = write(tmp_path, text)
    values = [load_from(f"{file}:{name}", "judge")("", "") for name in ("cached", "half", "judge", "score", "short")]
    assert values == [1.0, 0.5, 2.0, 3.0, 4.0]


def test_a_file_named_like_a_module_hides_none(tmp_path: Path) -> None:
    write(tmp_path, "def f(p, r): return 1.0\n", "os.py")
    write(tmp_path, "raise SystemExit('hides the module')\n", "antigravity.py")
    write(tmp_path, "raise SystemExit('hides the module')\n", "wave.py")
    file = write(tmp_path, "import wave, os\ndef f(p, r): return os.path.sep, wave.__file__\n")
    before = list(sys.path)
    assert load_from(f"{tmp_path}/os.py:f", "judge")("", "") == 1.0
    separator, place = load_from(f"{file}:f", "judge")("", "")
    assert separator == os.sep and not place.startswith(str(tmp_path)) and sys.path == before


class Listed(EntryPoint):
    """Stands in for an entry point of an installed package."""

    def load(self) -> str:
        return f"{self.group} {self.name}"


def test_an_entry_point_is_named_without_a_colon(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {"penchant.judges": [Listed("brevity", "their_package.rewards:brevity", "penchant.judges")]}
    monkeypatch.setattr("penchant.python_path.entry_points", lambda group: listed.get(group, []))
    assert load_from("brevity", "judge") == "penchant.judges brevity"
    assert "their_package.rewards:brevity" in str(find("brevity", "judge"))
    with pytest.raises(ConfigurationError, match=r"no installed package has it.*Did you mean 'brevity'"):
        load_from("brevty", "judge")
    with pytest.raises(ConfigurationError, match=r"entry point in penchant.objectives"):
        load_from("brevity", "objective")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("brevity", "does not name a function"),
        (":f", "does not name a function"),
        ("rewards.py:", "does not name a function"),
        ("rewards.py:brevity.__globals__", "does not name a function"),
        ("re wards:f", "neither a file.py nor a module"),
        ("missing.py:f", "There is no file missing.py"),
        ("x\0y.py:f", "There is no file"),
        (f"{'long' * 200}.py:f", "There is no file"),
        ("rewards.py:brevty", "Did you mean 'brevity'"),
        ("no_such_module_at_all:f", "cannot be loaded"),
        ("broken.py:f", r"broken.py cannot be loaded \(SyntaxError: .*line 1"),
        ("raises.py:f", r"raises.py cannot be loaded \(ZeroDivisionError"),
        ("leaves.py:f", r"leaves.py cannot be loaded \(SystemExit"),
        ("lacks.py:f", r"lacks.py cannot be loaded \(ModuleNotFoundError: .*no_such_module.*Install it"),
    ],
)
def test_what_cannot_be_loaded_is_named(
    path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "def brevity(p, r): return 1.0\n")
    write(tmp_path, "def f(p, r) return 1\n", "broken.py")
    write(tmp_path, "1 / 0\n", "raises.py")
    write(tmp_path, "raise SystemExit(2)\n", "leaves.py")
    write(tmp_path, "import no_such_module\n", "lacks.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        load_from(path, "judge")
