"""`JudgeAround`, the base of judges that ask another judge in another way."""

from __future__ import annotations

from typing import Annotated, Any

from penchant.errors import ConfigurationError
from penchant.rewards.judge import Judge
from penchant.rewards.registry import unread_judge
from penchant.rewards.wrapped.members import JudgeOfJudges

__all__ = ["JudgeAround"]


class JudgeAround(JudgeOfJudges):
    """The base of judges around one other judge, the inner one.

    Args:
        inner: the inner judge in memory; otherwise it is built from the setting ``inner``.
        settings: the keys.

    Raises:
        ConfigurationError: the inner judge never judges.
    """

    inner: Annotated[dict[str, Any] | str, "the judge that is asked: its name and keys"] = "verifier"

    def __init__(self, inner: Judge | None = None, /, **settings: Any) -> None:
        if inner is not None:
            settings["inner"] = inner.id or type(inner).__name__
        super().__init__(**settings)
        part = {"name": self.inner} if isinstance(self.inner, str) else {"name": "verifier", **self.inner}
        asked = unread_judge(part, "judge.inner") if inner is None else inner
        if asked is None:
            raise ConfigurationError(
                f"The judge {self.id} asks another judge, and the inner one never judges.",
                where="judge.inner",
                fix="Name a judge: inner: {name: verifier, rule: number}.",
            )
        self.members = [asked]
        self.gives_scores, self.scores_alone = asked.gives_scores, asked.scores_alone

    @property
    def asked(self) -> Judge:
        """The inner judge."""
        return self.members[0]
