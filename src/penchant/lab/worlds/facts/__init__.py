"""The facts world: facts about synthetic people, for unlearning."""

from penchant.lab.worlds.facts.people import SUBJECTS, Person, Subject, invent_people
from penchant.lab.worlds.facts.world import SPLITS, FactsWorld, Knowledge, Split

__all__ = ["SPLITS", "SUBJECTS", "FactsWorld", "Knowledge", "Person", "Split", "Subject", "invent_people"]
