"""Free text as integer vectors: which words two texts share, weighed by how rare they are.

Belongs here: words, rarity and quantised vectors. Does not belong here: points of other criteria.

Source: term weighting by inverse document frequency (Spärck Jones 1972) and cosine similarity (Salton 1975).
Rarity is an integer in sixteenths of a bit, so that the rounding cannot differ between machines.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

MOST_WORDS = 96
"""Width of the text vectors; more shared words than that keep the most telling ones."""

# words that say nothing about a person's work; short words are left out by length
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        about after all also and bring came come day due going ich lot month per run und week
        another any anything are area areas around back because been before being
        better between both but can career careers could currently did does doing each especially etc even
        every experience experienced few field find first for from gain get getting give goal goals good
        great grow had has have having help helped helping her him his hope hoping how interest interested
        interests into its job just know learn learning librarian librarians libraries library like made
        make many mentee mentees mentor mentoring mentors more most much my need new not now off one only
        other our out over own past people professional professionals program programs really role roles
        several she should since some still such support take than that the their them then there these
        they thing things this those through time too two under until use very want wanted was way well
        were what when where which while who will with within work worked working would year years you
        your
        """,
    )
)


def read_words(text: str) -> frozenset[str]:
    """Return the telling words of a text: folded, at least three letters, plural endings taken off."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = (word for word in re.findall(r"[^\W\d_]{3,}", folded) if word not in _STOP_WORDS)
    return frozenset(_take_plural_off(word) for word in words)


def _take_plural_off(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return (
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
    )


def weigh_rarity(sets: Iterable[Iterable[str]]) -> dict[str, int]:
    """Return the rarity of each term: 16 × (1 + log2((1 + N) / (1 + n))) with N sets of which n hold the
    term.
    """
    listed = [set(terms) for terms in sets]
    held = Counter(term for terms in listed for term in terms)
    return {term: 16 + round(16 * math.log2((1 + len(listed)) / (1 + n))) for term, n in held.items()}


def compare_texts(
    mentors: Sequence[frozenset[str]], mentees: Sequence[frozenset[str]], weight: int
) -> tuple[np.ndarray, np.ndarray]:
    """Quantised vectors (int32, people × words) whose products are weight × cosine, rounded, and never above
    weight.
    """
    rarity = weigh_rarity([words for words in (*mentors, *mentees) if words])
    wanted = Counter(word for words in mentees for word in words)
    offered = Counter(word for words in mentors for word in words)
    # a word tells the more the rarer it is and the more pairs it could join
    telling = {
        word: rarity[word] ** 2 * min(wanted[word], offered[word]) for word in wanted.keys() & offered.keys()
    }
    words = sorted(sorted(telling, key=lambda word: (-telling[word], word))[:MOST_WORDS])
    return _quantise(mentors, words, rarity, weight), _quantise(mentees, words, rarity, weight)


def _quantise(
    people: Sequence[frozenset[str]], words: Sequence[str], rarity: dict[str, int], weight: int
) -> np.ndarray:
    column = {word: at for at, word in enumerate(words)}
    vectors = np.zeros((len(people), len(words)), dtype=np.float64)
    for row, said in enumerate(people):
        for word in said & column.keys():
            vectors[row, column[word]] = rarity[word]
    # the length counts all words that the text shares with anybody, so that a long list does not win by
    # itself
    length = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    scaled = np.divide(vectors * math.sqrt(weight), length, out=np.zeros_like(vectors), where=length > 0)
    rounded = np.rint(scaled)
    # rounding up may lengthen a vector; two vectors no longer than sqrt(weight) cannot exceed weight (Cauchy-
    # Schwarz)
    too_long = (rounded**2).sum(axis=1) > weight
    rounded[too_long] = np.floor(scaled[too_long])
    return np.asarray(rounded, dtype=np.int32)
