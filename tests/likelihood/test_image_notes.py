"""What a model does not see of prompts and images is counted, and said in sentences."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.forest.example import EncodedData
from penchant.likelihood.image_batch import ImageEncoder
from penchant.likelihood.image_settings import ImageSettings
from penchant.likelihood.pipelines import PipelineCodec
from small_images import latent_pipeline, pipeline


def encoded(prompts: list[str], pictures: list[Any], given: Any = None, **settings: Any) -> EncodedData:
    rows = [{"prompt": prompt, "image": picture} for prompt, picture in zip(prompts, pictures, strict=True)]
    codec = PipelineCodec(pipeline() if given is None else given, ImageSettings(**settings))
    return ImageEncoder(codec, ["chosen"]).encode(read(rows).records)


def square(value: int) -> np.ndarray:
    return np.full((8, 8), value, np.uint8)


def test_prompts_that_become_one_are_counted_and_said() -> None:
    prompts = ["red bus in snow", "red bus in rain", "oak tree by night", "red"]
    found = encoded(prompts, [square(n) for n in range(4)], latent_pipeline())
    (said,) = found.notes
    assert found.cut.as_dict() | {"prompt_cut": 3, "identical_after_cut": 2} == found.cut.as_dict()
    assert "3 of 4 prompts are longer than the 8 tokens of text_encoder and lose their end" in said
    assert "the longest has 16 tokens ('oak tree by night')" in said
    assert "2 different prompts are identical after the cut and become 1, such as 'red bus in snow'" in said


def test_a_cut_that_keeps_prompts_apart_is_no_loss_of_records() -> None:
    found = encoded(["abcdefghij", "bcdefghijk"], [square(1), square(2)], latent_pipeline())
    assert (found.cut.prompt_cut, found.cut.identical_after_cut) == (2, 0)
    assert "identical" not in found.notes[0]


def test_one_prompt_of_many_records_is_no_collision() -> None:
    found = encoded(["abcdefghij"] * 3, [square(n) for n in range(3)], latent_pipeline())
    assert (found.cut.prompt_cut, found.cut.identical_after_cut) == (3, 0)
    assert "1 of 1 prompts" in found.notes[0]


def test_what_fits_is_not_mentioned() -> None:
    larger = np.full((32, 32), 9, np.uint8)
    assert encoded(["1", "2"], [square(1), larger]).notes == []
    assert encoded(["red", "red 1"], [square(1), larger], latent_pipeline()).notes == []


def test_frames_and_other_shapes_are_said() -> None:
    frames, file = [Pillow.new("RGB", (8, 8), colour) for colour in ("red", "blue")], io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    wide = np.full((8, 16), 9, np.uint8)
    frame, shape = encoded(["1", "2"], [file.getvalue(), wide]).notes
    assert frame.startswith("1 images have several frames") and frame.endswith("with 2; the first is used.")
    assert "1 of 2 images have another shape than the model's 8 x 8 and are cropped" in shape and "50 %" in shape
    (stretched,) = encoded(["1"], [wide], resize="stretch").notes
    assert "are stretched" in stretched and encoded(["1"], [wide], resize="pad").notes == []


def test_the_first_frame_is_the_image() -> None:
    frames, file = [Pillow.new("RGB", (8, 8), colour) for colour in ("white", "black")], io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    (example,) = encoded(["1"], [file.getvalue()]).examples
    assert (example.views["chosen"][0].latents == 1).all()


def test_an_image_that_is_gone_since_it_was_read_is_an_error_of_its_record(tmp_path: Path) -> None:
    Pillow.fromarray(square(3)).save(tmp_path / "a.png")
    records = read([{"prompt": "1", "image": str(tmp_path / "a.png")}]).records
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"memory:1: The image .*a.png can no longer be read \(No such file"):
        ImageEncoder(PipelineCodec(pipeline()), ["chosen"]).encode(records)


def test_a_background_that_is_no_colour_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"images.background is 'snowy', which is not a colour"):
        PipelineCodec(pipeline(), ImageSettings(background="snowy"))
