"""Imports that transformers makes and Penchant has no use for."""

from __future__ import annotations

import subprocess
import sys

LOADED = "[name for name in ('datasets', 'pandas', 'pyarrow', 'scipy.optimize') if name in sys.modules]"


def told(script: str) -> str:
    """What a script prints in a process of its own, in which nothing is imported yet."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestDeferred:
    def test_the_trainer_loads_neither_and_what_is_used_is_the_real_module(self) -> None:
        script = f"""
import inspect, sys, tempfile, torch
from penchant.training import PreferenceTrainer
assert {LOADED} == [], {LOADED}
import transformers.trainer as trainer
from transformers.loss import loss_for_object_detection as loss
assert "class Trainer" in inspect.getsource(trainer) and {LOADED} == []
arguments = trainer.TrainingArguments(tempfile.mkdtemp(), use_cpu=True, report_to="none")
rows = trainer.datasets.Dataset.from_list([{{"input": 1.0, "x": 1}}, {{"input": 2.0, "x": 2}}])
usual = trainer.Trainer(torch.nn.Linear(1, 1), arguments, train_dataset=rows)
assert usual._remove_unused_columns(rows, "training").column_names == ["input"]
import datasets
assert trainer.datasets.Dataset is datasets.Dataset and datasets.load.load_dataset is datasets.load_dataset
assert [list(each) for each in loss.linear_sum_assignment([[2, 1], [1, 5]])] == [[0, 1], [1, 0]]
import scipy.optimize
print(scipy.optimize.minimize.__name__)
"""
        assert told(script) == "minimize"

    def test_without_it_transformers_loads_them(self) -> None:
        # Fails when transformers stops importing them: then the module that defers them can go.
        found = told(f"import sys\nimport transformers.trainer\nprint({LOADED})")
        assert "datasets" in found and "scipy.optimize" in found
