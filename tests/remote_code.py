"""A model whose code lies in its own folder."""

from __future__ import annotations

import json
from pathlib import Path

from small_runs import model_folder

CODE = '''
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM
Path({marker!r}).touch()


class OddConfig(LlamaConfig):
    model_type = "odd-model"


class OddForCausalLM(LlamaForCausalLM):
    config_class = OddConfig
'''


def folder_with_code(path: Path, marker: Path) -> Path:
    """A tiny model that loads only with the Python code in its folder; the code creates ``marker`` when it runs."""
    model_folder(path)
    (path / "odd.py").write_text(CODE.format(marker=str(marker)), encoding="utf-8")
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "odd-model", "architectures": ["OddForCausalLM"]}
    config["auto_map"] = {"AutoConfig": "odd.OddConfig", "AutoModelForCausalLM": "odd.OddForCausalLM"}
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return path
