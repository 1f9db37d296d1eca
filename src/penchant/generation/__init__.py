"""Floor 4: how to get a response from a model."""

from penchant.generation.engine import generate
from penchant.generation.responses import Engine, Response, Sampling
from penchant.generation.server_engine import ServerEngine
from penchant.generation.transformers_engine import TransformersEngine

__all__ = ["Engine", "Response", "Sampling", "ServerEngine", "TransformersEngine", "generate"]
