"""Generation of responses: engines (transformers, model server), sampling settings and the registry."""

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
