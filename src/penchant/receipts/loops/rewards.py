"""Published cases of rewards of boxes and labels; two files describe them in other words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.rewards.visual.criteria import Labelled, boxes_written, precision_and_recall, rules_at
from penchant.rewards.visual.detection import (
    class_named,
    confidence_reward,
    grounding_reward,
    match_boxes,
    overlap_reward,
    thought_first,
)

__all__ = ["vision_r1", "vision_r1_rescaled", "visual_rft", "visual_rft_one"]

_OTHER = "multimodal-and-data-construction"


@adapter("visual-rft", file="online", evaluates="visual-rft-in-online")
def visual_rft(case: Case) -> dict[str, Any]:
    """Rewards of several responses to one image, or of the classes that texts name."""
    inputs = case.inputs
    if "completions" in inputs:
        right = inputs["solution"]
        return {"reward": [class_named(each, right, allow_empty=True) for each in inputs["completions"]]}
    truth, threshold = inputs["ground_truth_boxes"], case.params.get("iou_threshold", 0.5)
    found = [
        match_boxes(truth, [each["box"] for each in named], [each["confidence"] for each in named], threshold)
        for named in inputs["predictions"]
    ]
    return {
        "iou_reward": [overlap_reward(each, len(truth)) for each in found],
        "confidence_reward": [confidence_reward(each) for each in found],
    }


@adapter("visual-rft", file=_OTHER, evaluates=f"visual-rft-in-{_OTHER}")
def visual_rft_one(case: Case) -> dict[str, Any]:
    """Rewards of one response, of texts, or of single boxes that are looked for."""
    inputs = case.inputs
    if "completions" in inputs:
        pairs = list(zip(inputs["completions"], inputs["solutions"], strict=True))
        return {
            "accuracy": [class_named(said, right, allow_empty=True) for said, right in pairs],
            "format": [thought_first(said) for said, _ in pairs],
        }
    if "gt" in inputs:
        both = zip(inputs["gt"], inputs["pred"], strict=True)
        return {"rewards": [grounding_reward(_boxes(true), _boxes(named)) for true, named in both]}
    truth = inputs["gt_boxes"]
    threshold = case.params.get("iou_threshold", 0.5)
    found = match_boxes(truth, inputs["pred_boxes"], inputs["pred_confidence"], threshold)
    return {
        "n_unique_predictions": len(found),
        "matched_iou_and_confidence": [list(each) for each in found],
        "iou_reward": overlap_reward(found, len(truth)),
        "confidence_reward": confidence_reward(found),
    }


def _boxes(rows: Sequence[Any]) -> Sequence[Any]:
    """The boxes of one answer, which may be written without the list around it."""
    return [rows] if rows and not isinstance(rows[0], list) else rows


@adapter("vision-r1", file="online", evaluates="vision-r1-in-online")
def vision_r1(case: Case) -> dict[str, Any]:
    """Precision and recall of several responses, or whether texts hold boxes."""
    inputs = case.inputs
    if "completions" in inputs:
        return {"reward": _formats(inputs["completions"], inputs.get("num_instances"))}
    rules = rules_at(case.params["step"])
    both = [
        precision_and_recall(_labelled(true), _labelled(named), rules, "giou", released=True)
        for true, named in zip(inputs["ground_truth"], inputs["predictions"], strict=True)
    ]
    return {"precision_reward": [each for each, _ in both], "recall_reward": [each for _, each in both]}


def _formats(texts: Sequence[str], objects: Sequence[int] | None) -> list[float]:
    return [boxes_written(text, count) for text, count in zip(texts, objects or [1] * len(texts), strict=True)]


def _labelled(rows: Sequence[dict[str, Any]]) -> list[Labelled]:
    return [Labelled(each["label"], each["box"]) for each in rows]


@adapter("vision-r1", file=_OTHER, evaluates=f"vision-r1-in-{_OTHER}")
def vision_r1_rescaled(case: Case) -> dict[str, Any]:
    """The same with predictions in the pixels of the model's input, which are scaled to those of the image."""
    inputs = case.inputs
    if "completions" in inputs:
        return {"rewards": _formats(inputs["completions"], inputs.get("num_instances"))}
    rules = rules_at(case.params["step"], case.params.get("stage_switch", 1500))
    sizes = zip(
        *(inputs[f"{whose}_{side}"] for side in ("width", "height") for whose in ("image", "input")), strict=True
    )
    both = []
    for true, named, (width, own_width, height, own_height) in zip(inputs["gt"], inputs["pred"], sizes, strict=True):
        scale = (width / own_width, height / own_height) * 2
        boxes = [Labelled(label, [each * by for each, by in zip(box, scale, strict=True)]) for box, label in named]
        truth = [Labelled(label, box) for label, box in true]
        both.append(precision_and_recall(truth, boxes, rules, "giou", released=True))
    return {"precision": [each for each, _ in both], "recall": [each for _, each in both]}
