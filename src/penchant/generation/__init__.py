"""Responses from a model (floor 5): engines, and the generation that they call."""

from penchant.generation.engine import generate
from penchant.generation.engines import Engine
from penchant.generation.registry import ENGINES, build_engine
from penchant.generation.responses import Response, Sampling
from penchant.generation.server_engine import ServerEngine
from penchant.generation.transformers_engine import TransformersEngine

__all__ = [
    "ENGINES",
    "Engine",
    "Response",
    "Sampling",
    "ServerEngine",
    "TransformersEngine",
    "build_engine",
    "generate",
]
