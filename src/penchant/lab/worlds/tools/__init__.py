"""Requests in words and the calls of tools that answer them, exactly right or wrong."""

from penchant.lab.worlds.tools.methods import TOOLS
from penchant.lab.worlds.tools.thirds import Thirds, before_and_after
from penchant.lab.worlds.tools.world import call_of, careless_calls, requests

__all__ = ["TOOLS", "Thirds", "before_and_after", "call_of", "careless_calls", "requests"]
