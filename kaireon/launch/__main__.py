"""`python -m kaireon.launch`: what `make run` runs."""

import os
import sys

from kaireon.launch.failure import LaunchFailure
from kaireon.launch.supervisor import run
from kaireon.launch.terminal import complain


def main() -> int:
    """The exit code: 0 after a stop on request, 1 after a failure, which is one line on standard error."""
    try:
        run(os.environ)
    except LaunchFailure as failure:
        complain(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
