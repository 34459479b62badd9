"""What can be wrong with a template, when it is saved and when it is rendered."""

from collections.abc import Sequence


class TemplateError(Exception):
    """A template that can't be accepted.

    `problems` lists every one found, in the order of the document, as (path, message). A path is relative to the value
    that was parsed (`headers.Authorization`, `items[0].sku`; empty: the value itself).
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(f"{path}: {message}" if path else message for path, message in self.problems))


class RenderError(Exception):
    """A rendering that failed, in words fit for the firing's record: no values of the event, nothing internal."""

    def __init__(self, message: str, path: str = "") -> None:
        self.message = message
        self.path = path
        super().__init__(f"{path}: {message}" if path else message)


class MissingSecret(Exception):
    """A marker names a secret that is not there (any more)."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no secret named {name}.")
