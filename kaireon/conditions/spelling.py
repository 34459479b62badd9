"""Which known name a misspelt one was meant to be."""

from collections.abc import Mapping
from difflib import get_close_matches

_LONGEST_GUESSED = 40
_ALIKE = 0.7


def did_you_mean(word: object, spellings: Mapping[str, str]) -> str:
    """A clause for the end of a message, `; did you mean gt?`, or nothing.

    `spellings` leads from each spelling, lower case with underscores, to what should have been written.
    """
    if not isinstance(word, str) or len(word) > _LONGEST_GUESSED:
        return ""
    spelt = word.strip().lower().replace(" ", "_").replace("-", "_")
    matches = [spelt] if spelt in spellings else get_close_matches(spelt, spellings, n=1, cutoff=_ALIKE)
    return f"; did you mean {spellings[matches[0]]}?" if matches else ""
