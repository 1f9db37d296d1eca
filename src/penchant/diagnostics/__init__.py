"""Floor 5: what happened, in words."""

from penchant.diagnostics.alarms import Alarms

__all__ = ["Alarms"]
