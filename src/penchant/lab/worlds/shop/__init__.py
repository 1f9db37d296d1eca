"""A shop with hidden facts and a user who buys."""

from penchant.lab.worlds.shop.experiment import FEEDBACK, METHODS, Plan, ShopOutcome, run_shop, teacher_clerk
from penchant.lab.worlds.shop.world import Counted, ShopWorld, measure_clerk

__all__ = [
    "FEEDBACK",
    "METHODS",
    "Counted",
    "Plan",
    "ShopOutcome",
    "ShopWorld",
    "measure_clerk",
    "run_shop",
    "teacher_clerk",
]
