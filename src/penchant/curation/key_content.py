"""Extraction of the key content of a text, most important first."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from penchant.curation.words import STOP_WORDS, bare, words_of

__all__ = ["EXTRACTORS", "Extractor", "rake", "tfidf"]

#: From the words of a text to its key phrases, each given by word indices; most important first.
Extractor = Callable[[Sequence[str]], list[tuple[int, ...]]]

_BREAK = re.compile(r"[.,;:!?()\[\]\"—–]$")


def tfidf(texts: Iterable[str]) -> Extractor:
    """Rank words by TF-IDF.

    score(w) = count of w in the text · (log((1 + N) / (1 + texts with w)) + 1),   stop words left out

    Args:
        texts: the corpus of N texts.

    Returns:
        An extractor whose phrases are all occurrences of one word; ties in order of appearance.

    Example:
        >>> extract = tfidf(["the cat sat", "the dog sat", "the dog ran"])
        >>> extract("the dog and the cat".split())
        [(4,), (1,)]
    """
    seen: Counter[str] = Counter()
    total = 0
    for text in texts:
        total += 1
        seen.update({bare(word) for word in words_of(text)})

    def extract(words: Sequence[str]) -> list[tuple[int, ...]]:
        places: dict[str, list[int]] = {}
        for place, word in enumerate(map(bare, words)):
            if word and word not in STOP_WORDS:
                places.setdefault(word, []).append(place)
        scores = {word: len(at) * (math.log((1 + total) / (1 + seen[word])) + 1) for word, at in places.items()}
        return [tuple(places[word]) for word in sorted(places, key=lambda word: (-scores[word], places[word]))]

    return extract


def rake(texts: Iterable[str] = ()) -> Extractor:
    """Rank phrases between stop words and punctuation by RAKE (Rose et al., 2010).

    score(phrase) = Σ_w degree(w) / frequency(w);   degree: words of all phrases with w

    Args:
        texts: not used.

    Returns:
        An extractor; ties in order of appearance.

    Example:
        >>> rake()("The compatibility of linear constraints is of interest.".split())
        [(3, 4), (1,), (7,)]

    Reference:
        Rose et al. (2010), Automatic Keyword Extraction from Individual Documents.
    """

    def extract(words: Sequence[str]) -> list[tuple[int, ...]]:
        phrases = _phrases(words)
        frequency: Counter[str] = Counter()
        degree: Counter[str] = Counter()
        for phrase in phrases:
            for place in phrase:
                frequency[bare(words[place])] += 1
                degree[bare(words[place])] += len(phrase)
        scores = {
            phrase: sum(degree[bare(words[place])] / frequency[bare(words[place])] for place in phrase)
            for phrase in phrases
        }
        return sorted(phrases, key=lambda phrase: (-scores[phrase], phrase))

    return extract


def _phrases(words: Sequence[str]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    phrase: list[int] = []
    for place, word in enumerate(words):
        key = bool(bare(word)) and bare(word) not in STOP_WORDS
        if key:
            phrase.append(place)
        if phrase and (not key or _BREAK.search(word)):
            found.append(tuple(phrase))
            phrase = []
    return [*found, tuple(phrase)] if phrase else found


#: Extractors by name; each receives the texts of the whole data set.
EXTRACTORS: dict[str, Callable[[Iterable[str]], Extractor]] = {"tfidf": tfidf, "rake": rake}
