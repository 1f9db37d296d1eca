"""`ImageSettings`: how images become pixels of the model's size."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from penchant.feedback.pixels import Resize

__all__ = ["ImageSettings"]


class ImageSettings(BaseModel):
    """How images become pixels of the model's size; the recipe's key ``images``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    background: str = Field(
        default="white", description="colour behind transparent pixels: a name, or #rrggbb in quotes"
    )
    resize: Resize = Field(
        default="crop",
        description="images of another size: crop (scaled to cover, centre kept), stretch, or pad (scaled to fit, the "
        "rest filled with the background)",
    )
