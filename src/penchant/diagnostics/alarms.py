"""`Alarms`: warnings about the metrics of a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Alarms"]

# A warning needs this many steps in a row, because single batches vary too much.
PATIENCE = 20


class Alarms:
    """Watches the metrics of a run and warns about typical failures.

    * the chosen responses stay less likely than under the reference (likelihood displacement);
    * the margin is saturated: almost every pair is ranked right by a large margin, so little is left to learn;
    * the divergence from the reference grows very large;
    * generated responses get longer.

    Args:
        say: called once with each warning.

    Example:
        >>> alarms = Alarms(print)
        >>> for step in range(40):
        ...     alarms.watch(step, "train", {"rewards/accuracy": 1.0, "rewards/margin": 9.0})
        The margin is saturated: over 20 steps 100% of the pairs were ranked right, by 9.0 on average. Further ...
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.said: dict[str, str] = {}
        self._say = say
        self._recent: dict[str, deque[float]] = {}
        self._first_kl: float | None = None
        self._first_length: float | None = None

    def state(self) -> dict[str, Any]:
        """All that later warnings depend on, as JSON values."""
        recent = {name: list(values) for name, values in self._recent.items()}
        return {"said": self.said, "recent": recent, "kl": self._first_kl, "length": self._first_length}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from the `state` of other alarms; warnings that they have given are not given again."""
        self.said = dict(state["said"])
        self._recent = {name: deque(values, maxlen=PATIENCE) for name, values in state["recent"].items()}
        self._first_kl, self._first_length = state["kl"], state["length"]

    def watch(self, step: int, split: str, numbers: dict[str, float]) -> None:
        """Check a log of the run."""
        if split != "train":
            return
        for name in ("rewards/chosen", "rewards/rejected", "rewards/accuracy", "rewards/margin", "kl"):
            if name in numbers:
                self._recent.setdefault(name, deque(maxlen=PATIENCE)).append(numbers[name])
        self._displacement(step)
        self._saturation()
        self._divergence(step)

    def watch_samples(self, step: int, mean_length: float) -> None:
        """Check the mean length, in tokens, of responses generated at ``step``."""
        if self._first_length is None:
            self._first_length = max(mean_length, 1.0)
        elif mean_length > 1.5 * self._first_length and mean_length - self._first_length > 8:
            self._once(
                "length",
                f"Generated responses get longer: {mean_length:.0f} tokens at step {step}, {self._first_length:.0f} "
                "at the start. The model may be learning length; see the length bias of the labels in "
                "`penchant data check`.",
            )

    def _full(self, name: str) -> list[float] | None:
        values = self._recent.get(name)
        return list(values) if values is not None and len(values) == PATIENCE else None

    def _displacement(self, step: int) -> None:
        chosen, rejected = self._full("rewards/chosen"), self._full("rewards/rejected")
        if chosen is None or max(chosen) >= 0 or sum(chosen[PATIENCE // 2 :]) >= sum(chosen[: PATIENCE // 2]):
            return
        both = rejected is not None and max(rejected) < 0
        self._once(
            "displacement",
            f"At step {step} the chosen responses have been less likely than under the reference for {PATIENCE} steps, "
            f"and are still falling (mean reward {sum(chosen) / PATIENCE:.2g}); the probability moves to neither "
            f"response{', since both fall' if both else ''}. Remedies: objective=dpo+0.2*nll keeps the chosen "
            "likelihood up; a smaller learning rate or a larger beta slows it.",
        )

    def _saturation(self) -> None:
        accuracy, margin = self._full("rewards/accuracy"), self._full("rewards/margin")
        if accuracy is None or margin is None:
            return
        right, gap = sum(accuracy) / PATIENCE, sum(margin) / PATIENCE
        if right >= 0.99 and gap > 4.0:
            self._once(
                "saturation",
                f"The margin is saturated: over {PATIENCE} steps {right:.0%} of the pairs were ranked right, by "
                f"{gap:.1f} on average. Further steps mostly move the model away from the reference; stop earlier, or "
                "raise beta.",
            )

    def _divergence(self, step: int) -> None:
        kl = self._full("kl")
        if kl is None:
            return
        now = sum(kl[-5:]) / 5
        if self._first_kl is None:
            self._first_kl = max(sum(kl[:5]) / 5, 1.0)
        if now > 50.0 and now > 10 * self._first_kl:
            self._once(
                "divergence",
                f"The divergence from the reference grows very large: {now:.0f} nats per response at step {step}. "
                "Use a smaller learning rate or a larger beta.",
            )

    def _once(self, name: str, text: str) -> None:
        if name not in self.said:
            self.said[name] = text
            self._say(text)
