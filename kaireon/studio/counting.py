"""A capped count in words."""

from kaireon.core.counting import MOST_COUNTED
from kaireon.studio import wording


def counted(number: int, *, most: int = MOST_COUNTED) -> str:
    """What `capped_count` found: `1,204`, `more than 10,000`."""
    return f"more than {wording.count(most)}" if number > most else wording.count(number)
