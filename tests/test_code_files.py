"""Code that a run depends on: a file, what lies beside it and is imported, and classes that are not ours."""

from __future__ import annotations

from pathlib import Path

import pytest

import penchant
from penchant.code_files import code_of_class, code_of_place
from penchant.errors import ConfigurationError
from penchant.objectives.core.custom import objective_of

MAIN = (
    "import json\nimport near\nfrom package.inner import deep\nfrom package import other\n\n\ndef reward(a, b): ...\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "package").mkdir()
    for name, text in {
        "main.py": MAIN,
        "near.py": "import far\n",
        "far.py": "import near\n",
        "json.txt": "",
        "alone.py": "",
        "package/__init__.py": "",
        "package/inner.py": "from . import sibling\n",
        "package/sibling.py": "from ..above import x\n",
        "package/other.py": "",
        "package/alone.py": "",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("main.py", True),
        ("near.py", True),
        ("far.py", True),
        ("package/__init__.py", True),
        ("package/inner.py", True),
        ("package/sibling.py", True),
        ("package/other.py", True),
        ("alone.py", False),
        ("package/alone.py", False),
        ("json.txt", False),
    ],
)
def test_what_is_imported_from_beside_counts(name: str, counts: bool, folder: Path) -> None:
    before = code_of_place(f"{folder / 'main.py'}:reward", "judge")
    assert before is not None and before == code_of_place(f"{folder / 'main.py'}:reward", "judge")
    with (folder / name).open("a") as file:
        file.write("# changed\n")
    assert (code_of_place(f"{folder / 'main.py'}:reward", "judge") != before) is counts


def test_a_module_file_of_the_current_folder_is_found_by_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert code_of_place("far:anything", "judge") == code_of_place(f"{folder / 'far.py'}:anything", "judge")
    with pytest.raises(ConfigurationError, match=r"there is no file"):
        code_of_place("no_such_module:anything", "judge")


def test_classes_and_functions_of_a_user_are_known_by_their_source() -> None:
    def first(chosen, rejected):  # type: ignore[no-untyped-def]
        return chosen.logratio - rejected.logratio

    def second(chosen, rejected):  # type: ignore[no-untyped-def]
        return rejected.logratio - chosen.logratio

    class Own(penchant.objectives.Objective):
        """A user's."""

    found = [code_of_class(type(objective_of(each))) for each in (first, second)]
    assert None not in found and found[0] != found[1]
    assert code_of_class(Own) is not None and code_of_class(penchant.objectives.DPO) is None
