"""Properties of a response that rules find without a model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penchant.checks.words import count_words, words_of

__all__ = ["PROPERTIES", "Property", "find_property"]


@dataclass(frozen=True)
class Property:
    """A property by which two responses to one prompt are compared.

    Args:
        name: of the property.
        meaning: what a response has more of when its level is higher.
        level: from prompt and response to the level of the response.
        margin: levels that differ by no more count as equal.
    """

    name: str
    meaning: str
    level: Callable[[str, str], float]
    margin: float = 0.0

    def compare(self, prompt: str, first: str, second: str) -> int:
        """+1 where the first response has more of the property, −1 where the second has, 0 where they are equal.

        Example:
            >>> PROPERTIES["asks back"].compare("Help me.", "With what?", "No.")
            1
        """
        difference = self.level(prompt, first) - self.level(prompt, second)
        return 0 if abs(difference) <= self.margin else 1 if difference > 0 else -1


def _phrases(*phrases: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(phrases) + r")\b", re.IGNORECASE)


_REFUSAL = _phrases(
    r"i(?:’|'| a)?m (?:sorry|afraid),? (?:but )?i (?:can(?:no|’|')?t|won(?:’|')t|am unable)",
    r"i (?:can(?:no|’|')?t|can not|won(?:’|')t|will not|am not able to|am unable to|refuse to|would(?:n(?:’|')t| not)) "
    r"(?:help|assist|provide|answer|tell|give|do|share|support|recommend|advise|encourage|suggest|comply|participate)",
    r"not (?:comfortable|willing|able) (?:to|with)",
    r"i (?:don(?:’|')t|do not) (?:think i can|want to help|feel comfortable)",
)
_CAUTION = _phrases(
    *r"illegal|unethical|dangerous|harmful|against the law|unsafe|risky|seek (?:medical|professional|legal)".split("|"),
    *r"consult (?:a|your|with)|professional help|be careful|get in trouble|crime|consent|hurt(?:ful)?|wrong to".split(
        "|"
    ),
)
_UNSURE = _phrases(
    r"i(?:(?:’|')m| am) not (?:sure|certain)",
    r"i (?:don(?:’|')t|do not) (?:know|have (?:access|information|enough))",
    *r"as an ai|it depends|it(?:’|')s hard to say|i think|i believe|may be|might|perhaps|possibly|unclear".split("|"),
)
_POLITE = _phrases(*r"please|thank you|thanks|sorry|apologi[sz]e|you(?:’|')re welcome|excuse me|of course".split("|"))
_WARM = _phrases(
    *r"happy to|glad|great (?:question|idea|choice)|hope (?:this|that|it|you)|feel free|good luck|enjoy|welcome".split(
        "|"
    ),
    *r"wonderful|love to|congratulations|have fun".split("|"),
)
_FEELS = _phrases(
    *r"i understand|sorry to hear|that (?:must|sounds)|it(?:’|')s (?:okay|normal)|you(?:’|')re not".split("|"),
    *r"feelings?|how (?:are you|do you) feel(?:ing)?|worried|difficult time|support you|here for you".split("|"),
)
_FIRM = _phrases(*r"must|always|never|certainly|definitely|clearly|undoubtedly|should|need to|have to".split("|"))
_INFORMAL = _phrases(
    *r"yeah|yep|nope|gonna|wanna|kinda|sorta|lol|haha|hey|okay|cool|awesome|stuff|guys?|oh|well,|wow|dude".split("|")
)
_SUPPORT = re.compile(
    r"https?://|\[\d+\]|\baccording to\b|\bfor (?:example|instance)\b|\bsuch as\b|\be\.g\.|\bstud(?:y|ies)\b"
    r"|\bresearch\b",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"(?m)^\s{0,3}(?:#{1,6}\s|[-*•+]\s|\|.*\|)|\*\*[^*\n]+\*\*|```|^\s*$")
_STEP = re.compile(
    r"(?mi)^[ \t]*(?:\d{1,2}[.):]\s|step \d)|\b(?:first(?:ly)?|second(?:ly)?|third(?:ly)?|next|then|finally),"
)
_SENTENCE = re.compile(r"[.!?。！？]+(?:\s|$)")
_COMMON = frozenset(
    "the a an and or of to in on at for with from by is are was were be been it its this that these those as not no do "
    "does did can could will would should you your i my me we our they them their he she his her what which who how "
    "why "
    "when where if so but about into than then there have has had please".split()
)


def _found(pattern: re.Pattern[str]) -> Callable[[str, str], float]:
    return lambda _prompt, response: float(len(pattern.findall(response)))


def _found_per_word(pattern: re.Pattern[str]) -> Callable[[str, str], float]:
    """Occurrences per 100 words, so that a longer text has not more of it by its length."""
    return lambda _prompt, response: 100 * len(pattern.findall(response)) / max(count_words(response), 20)


def _content(text: str) -> set[str]:
    return {word for word in words_of(text) if word not in _COMMON and len(word) > 1}


def _relevance(prompt: str, response: str) -> float:
    asked = _content(prompt)
    return len(asked & _content(response)) / len(asked) if asked else 0.0


def _distinct(_prompt: str, response: str) -> float:
    words = words_of(response)
    threes = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(threes)) / len(threes) if threes else 1.0


def _information(_prompt: str, response: str) -> float:
    return math.log1p(len(_content(response)))


def _complexity(_prompt: str, response: str) -> float:
    words = words_of(response)
    return sum(map(len, words)) / len(words) if words else 0.0


def _sentence_length(_prompt: str, response: str) -> float:
    return count_words(response) / max(len(_SENTENCE.findall(response)), 1)


def _first_person(_prompt: str, response: str) -> float:
    words = words_of(response)
    return sum(word in ("i", "me", "my", "mine", "myself") for word in words) / max(len(words), 20)


def _whole(_prompt: str, response: str) -> float:
    return float(
        response.rstrip().endswith((".", "!", "?", "…", '"', "”", "'", ")", "]", "}", "`", ":", "。", "！", "？"))
    )


def _length(_prompt: str, response: str) -> float:
    return math.log1p(count_words(response))


_ALL = (
    Property("lengthy", "more words, by a tenth or more", _length, math.log(1.1)),
    Property("rich in content", "more different content words, by a tenth or more", _information, math.log(1.1)),
    Property("relevant", "more of the prompt's content words", _relevance, 0.05),
    Property("non-repetitive", "a larger share of different word triples", _distinct, 0.01),
    Property("well formatted", "more headings, lists, bold text, tables, code blocks, paragraphs", _found(_FORMAT)),
    Property("step by step", "more numbered steps and words of order", _found(_STEP)),
    Property("supporting material", "more examples, sources and links", _found(_SUPPORT)),
    Property("numbers", "more numbers", _found(re.compile(r"\d+(?:[.,]\d+)*"))),
    Property("complex words", "longer words, on average by a quarter of a letter", _complexity, 0.25),
    Property("long sentences", "more words a sentence, by three", _sentence_length, 3.0),
    Property("asks back", "more questions", _found(re.compile(r"[?？](?=\s|$|[\"”')])"))),
    Property("polite", "more polite words per 100 words", _found_per_word(_POLITE)),
    Property("friendly", "more friendly words and exclamation marks", _found(re.compile(_WARM.pattern + r"|!", re.I))),
    Property("empathetic", "more words about feelings", _found(_FEELS)),
    Property("informal", "more informal words and contractions per 100 words", _found_per_word(_INFORMAL)),
    Property("authoritative", "more firm words (must, always, should) per 100 words", _found_per_word(_FIRM)),
    Property("unsure", "more hedges and admitted limits per 100 words", _found_per_word(_UNSURE)),
    Property("refuses", "more phrases of refusal", _found(_REFUSAL)),
    Property("warns", "more warnings of harm, law and risk", _found(_CAUTION)),
    Property("speaks of itself", "a larger share of I, me, my", _first_person, 0.01),
    Property("complete", "ends like a finished sentence", _whole),
)
#: The properties that rules find, by name. Their word lists are English.
PROPERTIES: Mapping[str, Property] = {each.name: each for each in _ALL}


def find_property(name: str) -> Property:
    """The property of that name.

    Raises:
        ConfigurationError: there is none.

    Example:
        >>> find_property("complete").compare("Hi", "Hello!", "Hel")
        1
    """
    from penchant.errors import ConfigurationError, nearest

    if name not in PROPERTIES:
        raise ConfigurationError(f"There is no property {name!r}.", fix=nearest(name, PROPERTIES))
    return PROPERTIES[name]
