"""Published cases of merging, on tensors in memory."""

from __future__ import annotations

from typing import Any

import torch

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.training.merging.averages import Slerp
from penchant.training.merging.rules import MergeRule, Tensors
from penchant.training.merging.task_vectors import MagnitudePrune, TaskArithmetic, Ties
from penchant.training.merging.values import Whole

__all__ = ["model_merging"]


@adapter("model-merging")
def model_merging(case: Case) -> dict[str, Any]:
    """SLERP of two tensors, or task vectors: TIES where a sign is elected, pruned with a density alone, else added."""
    if "task_vectors" in case.inputs:
        plainer = MagnitudePrune if "density" in case.params else TaskArithmetic
        rule: MergeRule = (Ties if "sign_method" in case.params else plainer)(**case.params)
        return {"merged_task_vector": _merged(rule, case.inputs["task_vectors"])}
    return {"merged": _merged(Slerp(**case.params), [case.inputs["a"], case.inputs["b"]])}


def _merged(rule: MergeRule, tables: list[Any]) -> Any:
    tensors = [torch.tensor(table, dtype=torch.float64) for table in tables]
    parts = rule.merged(Tensors([Whole(each) for each in tensors]))
    return torch.cat(list(parts)).reshape(tensors[0].shape).tolist()
