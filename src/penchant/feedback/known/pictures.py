"""Layouts of two images to a prompt, and which of them people preferred."""

from __future__ import annotations

from typing import Any

from penchant.errors import DataError
from penchant.feedback.known.layout import Layout, Row, figure, filled, shown, unnamed
from penchant.feedback.records import TIE, Source

__all__ = ["PICTURES"]

_LISTS = ("image_path", "image_paths", "images", "generations")
#: Columns with a number for each image, and whether the higher one is the better.
_NUMBERS = {"human_preference": True, "rank": False, "ranking": False, "ranks": False}
_FILES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


def _pair(first: Any, second: Any, lead: float) -> dict[str, Any]:
    """The columns of a pair of images; a lead of 0 is a tie."""
    better, worse = (first, second) if lead >= 0 else (second, first)
    return {"chosen_image": better, "rejected_image": worse, **({} if lead else {"probability": TIE})}


def _is_numbered(row: Row) -> bool:
    return filled(row, "jpg_0", "jpg_1") and "label_0" in row and (filled(row, "caption") or filled(row, "prompt"))


def _from_numbered(row: Row, source: Source) -> dict[str, Any]:
    if row.get("has_label") is False or row["label_0"] is None:
        raise DataError("The pair has no label.", where=str(source), fix="Remove the record, or use --on-bad skip.")
    first = figure(row["label_0"], "label_0", source)
    if first not in (0.0, 0.5, 1.0):
        raise DataError(f"{shown('label_0', row['label_0'])}, expected 1, 0, or 0.5 for a tie.", where=str(source))
    asked = "prompt" if filled(row, "prompt") else "caption"
    kept = unnamed(row, [asked, "jpg_0", "jpg_1", "label_0", "label_1", "has_label"])
    return {"prompt": row[asked], **kept, **_pair(row["jpg_0"], row["jpg_1"], first - 0.5)}


def _is_image(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) <= {"bytes", "path"} and bool(value)
    return isinstance(value, bytes) or (
        isinstance(value, str) and (value.lower().endswith(_FILES) or value[:11].lower() == "data:image/")
    )


def _listed(row: Row) -> tuple[str, str] | None:
    """The columns of several images and of their numbers."""
    images = next((name for name in _LISTS if isinstance(row.get(name), list | tuple) and row[name]), None)
    numbers = next((name for name in _NUMBERS if isinstance(row.get(name), list | tuple) and row[name]), None)
    if images is None or numbers is None or not all(map(_is_image, row[images])):
        return None
    return images, numbers


def _from_listed(row: Row, source: Source) -> dict[str, Any]:
    images, column = _listed(row) or ("", "")
    values = [figure(each, column, source) for each in row[column]]
    if len(values) != len(row[images]):
        raise DataError(
            f"{images!r} has {len(row[images])} images and {column!r} {len(values)} numbers.", where=str(source)
        )
    if len(values) != 2:
        raise DataError(
            f"{images!r} holds {len(values)} images of one prompt; images are compared in pairs.",
            where=str(source),
            fix="Write a row with prompt, chosen_image and rejected_image for each pair that should count, such as the "
            f"{'highest' if _NUMBERS[column] else 'lowest'} {column} against the "
            f"{'lowest' if _NUMBERS[column] else 'highest'}.",
        )
    lead = values[0] - values[1] if _NUMBERS[column] else values[1] - values[0]
    first, second = row[images]
    return {**unnamed(row, [images, column]), **_pair(first, second, lead)}


def _is_one_of_many(row: Row) -> bool:
    return filled(row, "prompt", "rank", "image_path") and "prompt_id" in row and _is_image(row["image_path"])


def _refuse_one(row: Row, source: Source) -> dict[str, Any]:
    raise DataError(
        "Each row is one image with its rank among those of a prompt; images are compared in pairs.",
        where=str(source),
        fix="Join the rows of each prompt_id: for every two of different rank, or for the lowest and the highest rank "
        "alone, write a row with prompt, chosen_image (the lower rank) and rejected_image. --kind prompt reads the "
        "prompts.",
    )


PICTURES = (
    Layout(
        name="two images with labels",
        used_by="Pick-a-Pic",
        columns="`caption` or `prompt`, `jpg_0`, `jpg_1`, `label_0`; also `has_label`",
        kind="comparison",
        says="label_0 decides (1: the first image is better, 0: the second, 0.5: a tie)",
        matches=_is_numbered,
        convert=_from_numbered,
    ),
    Layout(
        name="list of two images",
        used_by="HPD, ImageReward",
        columns="`prompt`, `image_path` (or `images`, `generations`: a list of two), `human_preference` (1 is better) "
        "or `rank`, `ranking` (1 is the best); more images than two are an error that says how to write pairs",
        kind="comparison",
        says="human_preference or rank decides; equal ones are a tie",
        matches=lambda row: filled(row, "prompt") and _listed(row) is not None,
        convert=_from_listed,
    ),
    Layout(
        name="one row per image",
        used_by="ImageReward",
        columns="`prompt_id`, `prompt`, `image_path`, `rank`",
        kind="refused",
        says="images are compared in pairs",
        matches=_is_one_of_many,
        convert=_refuse_one,
    ),
)
