"""The shapes world: generated shapes with measured rewards."""

from penchant.lab.worlds.shapes.drawing import KINDS, MEASURES, draw_shape, kinds_of
from penchant.lab.worlds.shapes.world import ShapesWorld

__all__ = ["KINDS", "MEASURES", "ShapesWorld", "draw_shape", "kinds_of"]
