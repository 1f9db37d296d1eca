"""The house rules hold for the package, and the program that checks them finds what breaks them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import penchant
from house import RULES, Module, read_package, sizes, stray_tests

PACKAGE = Path(penchant.__file__).parent
TESTS = Path(__file__).parent
HEAVY = ("accelerate", "datasets", "matplotlib", "numpy", "pandas", "peft", "torch", "transformers")

Rule = Callable[[list[Module]], list[str]]


@pytest.fixture(scope="module")
def package() -> list[Module]:
    return read_package(PACKAGE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_house_rules(rule: Rule, package: list[Module]) -> None:
    broken = rule(package)
    assert not broken, f"{rule.__doc__}\n" + "\n".join(broken)


def test_the_sizes_are_printed(package: list[Module], record_property: Callable[[str, object], None]) -> None:
    measured = sizes(package)
    record_property("figures", f"house: {measured}")
    assert len(measured.files) == len(package) and max(measured.files) <= 400


def test_every_test_lies_in_a_folder_of_the_package() -> None:
    assert stray_tests(TESTS, PACKAGE) == []


def test_a_test_in_a_folder_of_its_own_is_found(tmp_path: Path) -> None:
    for name in ("test_all.py", "forest/test_a.py", "house/test_b.py", "forest/deep/test_c.py", "attic/test_d.py"):
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "package" / "forest").mkdir(parents=True)
    found = stray_tests(tmp_path / "tests", tmp_path / "package")
    assert [line.split(":")[0] for line in found] == ["tests/attic/test_d.py", "tests/forest/deep/test_c.py"]


SIX = "\n".join(f"value_{number} = compute({number})" for number in range(6))
DOC = '"""A subject."""\n'
LONG_FUNCTION = f"{DOC}def long() -> None:\n" + '    """Long."""\n' + "    print()\n" * 60
SCREEN = "def _long():\n" + "".join(f"    print({number})\n" for number in range(34))
SHORT = "".join(f"def _f{number}():\n    print('{number}')\n" for number in range(19))
FINAL = "class KTO(O):\n    '''KTO.'''\n    id = 'kto'\n"

OFFENCES = [
    ("forbidden_arrows", {"feedback/a.py": "from penchant.forest import build"}, "forest (floor 3) is above feedback"),
    ("forbidden_arrows", {"forest/a.py": "def f():\n    import penchant.cli.app"}, "cli (floor 8) is above forest"),
    ("forbidden_arrows", {"likelihood/a.py": "from ..training import api"}, "training (floor 7) is above likelihood"),
    (
        "forbidden_arrows",
        {"forest/a.py": "import penchant\npenchant.training.api"},
        "training (floor 7) is above forest",
    ),
    (
        "forbidden_arrows",
        {"forest/a.py": "from importlib import import_module\nimport_module('penchant.cli')"},
        "cli (floor 8) is above forest",
    ),
    (
        "forbidden_arrows",
        {"training/a.py": "from penchant import lab"},
        "only cli may import lab",
    ),
    ("forbidden_arrows", {"curation/a.py": "def f():\n    from penchant.lab import world"}, "only cli may import lab"),
    (
        "forbidden_arrows",
        {"curation/a.py": "from penchant.receipts.adapters import receipt"},
        "only cli may import receipts",
    ),
    ("forbidden_arrows", {"objectives/pairwise/a.py": "def f():\n    import penchant.receipts"}, "only cli may"),
    ("forbidden_arrows", {"lab/a.py": "import penchant.receipts"}, "only cli may"),
    ("forbidden_arrows", {"receipts/a.py": "import penchant.lab"}, "may import lab"),
    (
        "forbidden_arrows",
        {"objectives/__init__.py": "from penchant.receipts.evaluation import evaluate"},
        "only cli may import receipts",
    ),
    (
        "forbidden_arrows",
        {"objectives/__init__.py": "def __getattr__(n):\n    from penchant.receipts.evaluation import method_of"},
        "only cli may import receipts",
    ),
    (
        "foreign_imports_in_objectives",
        {"objectives/a.py": "def f():\n    from penchant.receipts.evaluation import evaluate"},
        "does not import penchant.receipts.evaluation",
    ),
    ("forbidden_arrows", {"cellar/a.py": ""}, "stands on no floor"),
    ("forbidden_arrows", {"errors.py": "def f():\n    import penchant.feedback"}, "imports no floor"),
    ("forbidden_arrows", {"__init__.py": "from penchant.feedback import records"}, "imports no floor"),
    (
        "sibling_cycles",
        {
            "evaluation/a.py": "import penchant.diagnostics",
            "diagnostics/a.py": "def f():\n    import penchant.evaluation",
        },
        "by way of its siblings",
    ),
    (
        "file_circles",
        {
            "forest/a.py": "from penchant.forest.b import x",
            "forest/b.py": "from . import c",
            "forest/c.py": "def f():\n    from penchant.forest.a import y",
        },
        "forest/a.py → forest/b.py → forest/c.py → forest/a.py",
    ),
    (
        "file_circles",
        {
            "forest/__init__.py": "from penchant.forest.b import build",
            "forest/a.py": "from penchant.forest import build",
            "forest/b.py": "import importlib\nimportlib.import_module('penchant.forest.a')",
        },
        "forest/a.py → forest/b.py → forest/a.py",
    ),
    (
        "file_circles",
        {
            "forest/__init__.py": "from penchant.forest.b import build",
            "forest/b.py": "from penchant.rewards import judge",
            "rewards/__init__.py": "from .c import judge",
            "rewards/c.py": "import penchant.forest as forest",
        },
        "forest/b.py → rewards/c.py → forest/b.py",
    ),
    (
        "methods_that_use_methods",
        {"objectives/pairwise/a.py": "from penchant.objectives.pairwise.b import B"},
        "not penchant.objectives.pairwise.b.B",
    ),
    (
        "methods_that_use_methods",
        {"objectives/pairwise/a.py": "def f():\n    from penchant.objectives import DPO"},
        "not penchant.objectives.DPO",
    ),
    (
        "methods_that_use_methods",
        {"objectives/pairwise/a.py": "from ..wrappers import averaged"},
        "not penchant.objectives.wrappers.averaged",
    ),
    (
        "subclassed_concrete_classes",
        {
            "objectives/pairwise/a.py": "class A(Objective):\n    id = 'a'",
            "objectives/pairwise/b.py": "from penchant.objectives.pairwise.a import A as O\nclass B(O): ...",
        },
        "objectives/pairwise/b.py:2: B is a subclass of A",
    ),
    (
        "subclassed_concrete_classes",
        {"rewards/a.py": "class A:\n    id: str = 'a'\nclass B(A):\n    pass\nclass C(B):\n    id = 'c'"},
        "rewards/a.py:5: C is a subclass of A",
    ),
    ("foreign_imports_in_objectives", {"objectives/a.py": "import transformers"}, "does not import transformers"),
    ("foreign_imports_in_objectives", {"objectives/a.py": "import penchant.feedback"}, "penchant.feedback"),
    ("oversized_files", {"forest/a.py": "x = 1\n" * 401}, "401 lines"),
    ("oversized_functions", {"forest/a.py": LONG_FUNCTION}, "long has 62 lines"),
    ("large_on_the_whole", {"forest/a.py": "x = 1\n" * 130}, "the median file has 130 lines"),
    ("large_on_the_whole", {"forest/a.py": SCREEN + SHORT.split("def _f18")[0]}, "94.7% of the functions"),
    ("crowded_folders", {f"forest/{name}.py": "" for name in range(41)}, "forest: 41 files"),
    ("without_a_mirror", {"lab/claims/papers/charm/a.py": ""}, "there is no folder objectives/charm"),
    (
        "without_a_mirror",
        {"receipts/charm.py": "from penchant.receipts.adapters import adapter"},
        "there is no folder objectives/charm and no folder charm",
    ),
    ("working_package_files", {"forest/__init__.py": "names = sorted(globals())"}, "only imports"),
    ("working_package_files", {"forest/__init__.py": "def build(): pass"}, "only imports"),
    ("working_package_files", {"forest/__init__.py": "for name in 'ab':\n    print(name)"}, "only imports"),
    ("repeated_blocks", {"forest/a.py": SIX, "likelihood/b.py": SIX}, "also stands at forest/a.py:1"),
    ("repeated_blocks", {"forest/a.py": f"{SIX}\nother = 0\n{SIX}"}, "forest/a.py:8"),
    (
        "repeated_blocks",
        {"forest/a.py": SIX, "forest/b.py": SIX.replace("\n", "  # said otherwise\n\n").replace(" = ", "  =  ")},
        "forest/b.py:1",
    ),
    ("forbidden_names", {"forest/utils.py": ""}, "'utils' names no subject"),
    ("forbidden_names", {"forest/batch_helper.py": ""}, "'batch_helper' names no subject"),
    ("forbidden_names", {"misc/a.py": ""}, "'misc' names no subject"),
    ("borrowed_private_names", {"forest/a.py": "from penchant.feedback.b import _c"}, "_c is private to"),
    ("missing_docstrings", {"forest/a.py": "x = 1"}, "the module has no docstring"),
    ("missing_docstrings", {"forest/a.py": f"{DOC}def build():\n    pass"}, "build has no docstring"),
    ("missing_docstrings", {"forest/a.py": f"{DOC}class Forest:\n    pass"}, "Forest has no docstring"),
    ("modality_branches", {"training/a.py": "if model.kind == 'diffusion':\n    pass"}, "branches on the modality"),
    (
        "one_modality_imports",
        {"training/a.py": "from penchant.likelihood.causal import X"},
        "belongs to one modality",
    ),
    (
        "one_modality_imports",
        {"evaluation/heldout.py": "import penchant.modalities.images"},
        "belongs to one modality",
    ),
    ("modality_branches", {"training/a.py": "x = 1 if modality.name == 'text' else 2"}, "branches on the modality"),
    ("modality_branches", {"objectives/a.py": "x = 1 if is_vision(model) else 2"}, "branches on the modality"),
    ("modality_branches", {"training/a.py": "match kind:\n    case 'diffusion':\n        pass"}, "branches on"),
]


@pytest.mark.parametrize(("name", "files", "phrase"), OFFENCES)
def test_each_rule_finds_what_breaks_it(name: str, files: dict[str, str], phrase: str, tmp_path: Path) -> None:
    rule = next(rule for rule in RULES if rule.__name__ == name)
    assert phrase in "\n".join(rule(_write(tmp_path, files)))


def test_a_house_in_order_breaks_no_rule(tmp_path: Path) -> None:
    modules = _write(
        tmp_path,
        {
            "__init__.py": f"{DOC}__version__ = '1'\ndef __getattr__(name):\n    import penchant.training\n",
            "__main__.py": f"{DOC}from penchant.cli.app import main\n",
            "errors.py": f"{DOC}import difflib\n",
            "objectives/a.py": f"{DOC}import torch\nfrom penchant.errors import X\nfrom .b import c\n",
            "objectives/core/base.py": f"{DOC}if TYPE_CHECKING:\n    from penchant.objectives.core.uses import U\n",
            "objectives/core/uses.py": f"{DOC}import penchant.objectives.core.base\n",
            "objectives/binary/kto.py": f"{DOC}from penchant.objectives.core.base import O\n{FINAL}",
            "lab/claims/papers/binary/kto_stays.py": DOC,
            "objectives/__init__.py": f"{DOC}from penchant.objectives.a import x\n__all__ = ['x']\n"
            "def __getattr__(name):\n    from penchant.receipts.evaluation import evaluate\n    return evaluate\n",
            "receipts/evaluation.py": f"{DOC}import penchant.objectives.a\n",
            "feedback/a.py": f"{DOC}import datasets\nimport penchant.objectives.a\n",
            "lab/world.py": f"{DOC}from penchant.training import api\n",
            "receipts/binary.py": f"{DOC}from penchant.objectives.binary.kto import KTO\n"
            "from penchant.receipts.adapters import adapter\n",
            "receipts/adapters.py": f"{DOC}import penchant.errors\n",
            "cli/receipts.py": f"{DOC}from penchant.receipts import binary\n",
            "rewards/judges.py": DOC + SCREEN + SHORT,
            "cli/quickstart.py": f"{DOC}def run():\n    '''Run.'''\n    from penchant.lab import world\n",
            "training/settings.py": f"{DOC}from penchant.likelihood.denoising_settings import D\n",
            "training/api.py": f"{DOC}if ready:\n    # diffusion models come this way too\n    print()\n",
            "forest/a.py": DOC + "\n".join(SIX.splitlines()[:5]),
            "forest/b.py": DOC + "\n".join(SIX.splitlines()[:5]),
        },
    )
    assert [message for rule in RULES for message in rule(modules)] == []


@pytest.mark.parametrize(
    "statement",
    ["import penchant", "from penchant.cli.app import main; main(['--help'])"],
    ids=["import penchant", "penchant --help"],
)
def test_light_entrances_load_no_heavy_library(statement: str) -> None:
    program = f"import sys\n{statement}\nimport json\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    loaded = json.loads(done.stderr.splitlines()[-1])
    assert "penchant" in loaded
    assert not set(HEAVY) & set(loaded)


def test_every_public_name_of_the_package_can_be_had() -> None:
    assert set(penchant.__all__) <= set(dir(penchant))
    assert [name for name in penchant.__all__ if getattr(penchant, name, None) is None] == []


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tran'"):
        penchant.tran  # noqa: B018


def _write(root: Path, files: dict[str, str]) -> list[Module]:
    """A package made of ``files`` (path -> source), as the rules see it."""
    for name, source in files.items():
        path = root / "penchant" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return read_package(root / "penchant")
