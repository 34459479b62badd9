"""What can be wrong with an expression, when it is saved and when it is evaluated."""


class ExpressionError(Exception):
    """An expression that can't be accepted, or can't be evaluated for this record.

    The message is a sentence fit for the author and for a firing's record.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)
