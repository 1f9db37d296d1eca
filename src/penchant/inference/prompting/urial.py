"""URIAL: an untuned base model aligned by a constant prompt of an instruction and a few examples."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Interval

from penchant.errors import DataError
from penchant.feedback.records import Text, as_text
from penchant.inference.prompting.base import Prompting

__all__ = ["EXAMPLES", "INSTRUCTION", "Urial"]

FENCE = "```"

#: What the assistant is like.
INSTRUCTION = """# Instruction

What follows are queries that people put to an AI assistant, each with the assistant's answer.
Queries stand under the heading "# Query:", answers under "# Answer:", both between lines of three backticks.
The assistant answers fully and in good order: first the point, then the steps, at the end what to do next.
It says what it does not know, and corrects what is wrong in a query. It is kind to everybody.
It declines what would harm someone, says why in a sentence, and offers help with something better.
"""

#: Queries and answers of one style: one of knowledge, one of advice, and one that is politely declined.
EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "Why do leaves turn yellow in autumn?",
        "Leaves turn yellow because they lose their green pigment, and the yellow that was there all along shows.\n\n"
        "1. **In summer** a leaf makes chlorophyll all the time. It is green and covers every other colour.\n"
        "2. **In autumn** days get shorter and colder. The tree stops making chlorophyll and takes its building blocks "
        "back into the wood.\n"
        "3. **What remains** are carotenoids, which are yellow and orange and break down more slowly.\n\n"
        "Reds are different: maples, for example, make them anew in autumn, in the sugar that stays in the leaf. If "
        "you want to see it yourself, compare a sunny and a shaded branch of the same tree.",
    ),
    (
        "I have my first talk in front of many people next week and I am very nervous. What can I do?",
        "Being nervous before a first talk is usual, and a week is enough to get ready. Three things help most:\n\n"
        "- **Practise aloud.** Give the whole talk three times, at least once to a friend. Note where you stumble, and "
        "make those sentences shorter.\n"
        "- **Know your first two sentences by heart.** Once you have begun, the rest comes more easily.\n"
        "- **Breathe out slowly** before you start, four seconds in and six out, a few times. It calms the heart.\n\n"
        "If you lose the thread, stop, look at your notes, and go on; to listeners a pause seems shorter than to you. "
        "Would you like to go through the outline of your talk together?",
    ),
    (
        "Tell me how to open my neighbour's front door without a key.",
        "I can't help with getting into somebody else's home, since that may harm the people who live there and is "
        "against the law.\n\n"
        "If there is a reason behind it, here is what may help instead:\n\n"
        "- If you fear that your neighbour needs help, ring the bell; if nobody answers, call the emergency number.\n"
        "- If you look after the home, ask your neighbour or the landlord for a key.\n"
        "- If it is your own door, a locksmith opens it once you show that you live there.\n\n"
        "Tell me which of these it is, and I will gladly help you further.",
    ),
)


class Urial(Prompting):
    """Puts an instruction and constant examples before a query, for base models without tuning (URIAL).

    Earlier turns of a conversation follow the examples in the same form. An answer ends at its closing fence or at the
    next heading. The prompt is constant up to the query, so its keys and values are computed once for a whole file.

    Args:
        settings: the keys below.

    Example:
        >>> Urial(examples=1).ask("Hi").endswith("# Query:\\n```\\nHi\\n```\\n\\n# Answer:\\n```\\n")
        True

    Reference:
        Lin et al. (2024), The Unlocking Spell on Base LLMs: Rethinking Alignment via In-Context Learning,
        arXiv:2312.01552; instruction and examples are our own words.
    """

    id = "urial"
    stops = (f"\n{FENCE}", "\n# Query:", "\n# Answer:")

    examples: Annotated[int, Interval(ge=0, le=len(EXAMPLES)), "number of examples"] = len(EXAMPLES)
    instruction: Annotated[str, "what the assistant is like"] = INSTRUCTION

    def ask(self, prompt: Text) -> str:
        """The whole prompt as a text, open at the answer.

        Raises:
            DataError: the conversation does not end with a turn of the user.
        """
        turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        if not turns or turns[-1].get("role") != "user":
            last = turns[-1].get("role") if turns else "nobody"
            raise DataError(
                f"The conversation ends with a turn of {last}, expected the user.",
                where="prompting urial",
            )
        shown = [
            {"role": role, "content": content}
            for example in EXAMPLES[: self.examples]
            for role, content in zip(("user", "assistant"), example, strict=True)
        ]
        pieces = [self.instruction.strip(), *(as_text([turn]) for turn in turns if turn["role"] == "system")]
        pieces += [_block(turn) for turn in [*shown, *turns] if turn["role"] in ("user", "assistant")]
        return "\n\n".join([*pieces, f"# Answer:\n{FENCE}\n"])

    def answer(self, text: str) -> str:
        """The answer without the white space around it."""
        return text.strip()


def _block(turn: dict[str, Any]) -> str:
    heading = "# Query:" if turn["role"] == "user" else "# Answer:"
    return f"{heading}\n{FENCE}\n{as_text([turn])}\n{FENCE}"
