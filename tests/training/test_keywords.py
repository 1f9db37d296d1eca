"""Editors and type checkers know the keys of a recipe and the hyper-parameters of an objective."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.training.keywords import NAMED, keywords_path, keywords_text
from penchant.training.recipe import Recipe
from penchant.training.recipe_keywords import RecipeKeywords

SOURCE = Path(__file__).resolve().parents[2] / "src"

PROGRAM = """\
import penchant
from penchant import objectives; from penchant.training import LoRA
penchant.train(model="m", data="d", objective=objectives.DPO(beta=0.1), learning_rate=1e-6, lora=True)
objectives.TailWeighted(objectives.RobustDPO(beta=0.05), alpha=0.3) + 0.2 * objectives.NLL()
objectives.DPO(betta=0.1)
penchant.train(model="m", data="d", learning_rat=1e-6)
penchant.train(model="m", data="d", precision="bfloat61")
penchant.train(model="m", data="d", lora=LoRA(rank=4))
LoRA(rnk=4)
"""

# Libraries outside: reading them takes minutes, and nothing here is about them.
CONFIGURATION = """\
[mypy]
follow_imports = silent
[mypy-torch.*,transformers.*,datasets.*,numpy.*,peft.*,accelerate.*,safetensors.*,tokenizers.*,diffusers.*,scipy.*]
follow_imports = skip
ignore_missing_imports = True
[mypy-huggingface_hub.*,matplotlib.*,pyarrow.*,sklearn.*,bitsandbytes.*,rich.*,jinja2.*,PIL.*]
follow_imports = skip
ignore_missing_imports = True
"""


def test_the_file_of_keywords_is_current() -> None:
    written = keywords_path().read_text(encoding="utf-8")
    assert written == keywords_text(), "write it anew: python -m penchant.training.keywords"


def test_every_key_of_a_recipe_is_a_keyword() -> None:
    assert RecipeKeywords.__annotations__.keys() | set(NAMED) == Recipe.model_fields.keys()


def test_mistyped_names_and_values_fail_in_mypy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = pytest.importorskip("mypy.api")
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "mypy.ini").write_text(CONFIGURATION)
    monkeypatch.setenv("MYPYPATH", str(SOURCE))
    monkeypatch.chdir(tmp_path)
    said, trouble, code = api.run(["--config-file", "mypy.ini", "--cache-dir", str(tmp_path / "cache"), "program.py"])
    assert code == 1, trouble
    errors = [line for line in said.splitlines() if ": error:" in line]
    assert [line.split(":")[1] for line in errors] == ["5", "6", "7", "9"], said
    assert '"betta" for "DPO"; did you mean "beta"?' in errors[0]
    assert '"learning_rat" for "train"; did you mean "learning_rate"' in errors[1]
    assert '"precision"' in errors[2] and "bfloat61" in errors[2]
    assert '"rnk" for "LoRA"; did you mean "rank"?' in errors[3]
