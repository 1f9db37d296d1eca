"""A tiny language model with skills that share their words, for claims about which weights move."""

from penchant.lab.worlds.skills.world import Skills, Tuned, added_up, draw_skills, tune

__all__ = ["Skills", "Tuned", "added_up", "draw_skills", "tune"]
