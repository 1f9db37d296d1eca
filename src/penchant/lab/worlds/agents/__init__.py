"""A world of two agents, each of which holds half of the numbers."""

from penchant.lab.worlds.agents.experiment import METHODS, Outcome, Plan, run_agents, start_model, teacher_model
from penchant.lab.worlds.agents.world import AgentsWorld, build_words, demonstrations, tasks

__all__ = [
    "METHODS",
    "AgentsWorld",
    "Outcome",
    "Plan",
    "build_words",
    "demonstrations",
    "run_agents",
    "start_model",
    "tasks",
    "teacher_model",
]
