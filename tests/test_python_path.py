"""Functions and classes that a recipe names by their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.python_path import beside, load_from


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


def test_a_file_beside_the_recipe_comes_with_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "def f(): return 1\n")
    assert beside("rewards.py:f", tmp_path) == beside("rewards:f", tmp_path) == f"{file}:f"
    assert beside("other.py:f", tmp_path) == "other.py:f" and beside("torch.nn:Linear", tmp_path) == "torch.nn:Linear"
    monkeypatch.chdir(tmp_path)
    assert beside("rewards:f", tmp_path) == "rewards:f", "a module of the current folder needs no path"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("brevity", "does not name a function"),
        ("missing.py:f", "There is no file missing.py"),
        ("rewards.py:brevty", "Did you mean 'brevity'"),
        ("no_such_module_at_all:f", "cannot be loaded"),
        ("broken.py:f", r"broken.py cannot be loaded \(SyntaxError: .*line 1"),
        ("raises.py:f", r"raises.py cannot be loaded \(ZeroDivisionError"),
        ("shutil:rmtree", "module of Python itself"),
        ("os.path:join", "module of Python itself"),
    ],
)
def test_what_cannot_be_loaded_is_named(
    path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "def brevity(p, r): return 1.0\n")
    write(tmp_path, "def f(p, r) return 1\n", "broken.py")
    write(tmp_path, "1 / 0\n", "raises.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        load_from(path, "judge")
