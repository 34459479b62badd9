"""A render context that carries the allowance of its rendering."""

from collections.abc import Mapping
from typing import TextIO

from liquid import RenderContext
from liquid.output import LimitedStringIO
from liquid.template import BoundTemplate

from kaireon.core.templating.bounds import MAX_RENDERED_BYTES, Cost, Work


class MeteredContext(RenderContext):
    """Names, and the allowance of the rendering that reads them."""

    def __init__(self, template: BoundTemplate, *, names: Mapping[str, object], work: Work) -> None:
        super().__init__(template, globals=names)
        self.work = work
        self.cost_of_round = Cost()

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Called when a loop is entered. Liquid's own limit knows nothing of loops that stand one after the other."""
        self.work.enter_loop(length, self.cost_of_round)

    def get_buffer(self, buf: TextIO | None = None) -> LimitedStringIO:
        """Where a text, or a part of one, is written. Liquid's own buffers turn every line break into a newline."""
        carry = buf.size if isinstance(buf, LimitedStringIO) else 0
        return LimitedStringIO(limit=MAX_RENDERED_BYTES - carry, newline="")


def metered(context: RenderContext) -> MeteredContext:
    """`context`, which is a MeteredContext in every rendering of this package."""
    if not isinstance(context, MeteredContext):
        raise TypeError("templates are rendered by Template.render")
    return context
