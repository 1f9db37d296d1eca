"""The question whether a solution is correct, as evaluators of solutions are asked, and the words that answer it."""

from __future__ import annotations

from penchant.feedback.records import Text, as_text

__all__ = ["QUESTION", "WORDS", "verdict_prompt"]

#: Asked after a problem and its solution.
QUESTION = "Is this solution correct or incorrect?"
#: The answers: for a right solution, and for a wrong one.
WORDS = ("correct", "incorrect")


def verdict_prompt(prompt: Text, solution: Text, question: str = QUESTION) -> Text:
    """The prompt of a verdict: a problem, a solution, and the question whether it is correct.

    Args:
        prompt: the problem, a text or messages.
        solution: a text, or turns of the assistant.
        question: asked at the end.

    Returns:
        For a text a text, in which the solution follows the problem as in generation; for messages the conversation
        with the question as a turn of the user.

    Example:
        >>> verdict_prompt("2+2=", "5")
        '2+2=5\\n\\nIs this solution correct or incorrect?\\n'
    """
    if isinstance(prompt, str):
        return f"{prompt}{as_text(solution)}\n\n{question}\n"
    said = [{"role": "assistant", "content": solution}] if isinstance(solution, str) else list(solution)
    return [*prompt, *said, {"role": "user", "content": question}]
