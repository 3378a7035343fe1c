"""What went wrong, sorted by what the caller should do.

ExchangeError
├── Unreachable      nothing was sent: try again later
├── NoAnswerGot      sent, and no (whole, sane) answer: UNKNOWN for an order, try again for a read
├── RateLimited      not processed: back off
├── Unauthorized     not processed: the key, or the clock
├── Forbidden        not processed: the key lacks the right
└── Rejected         the exchange said no, definitively
"""


class ExchangeError(Exception):
    """Of any kind; the text is for a person and holds no secret."""


class Unreachable(ExchangeError):
    """No connection: nothing was sent."""


class NoAnswerGot(ExchangeError):
    """It may have been processed."""


class RateLimited(ExchangeError):
    """429: not processed."""


class Unauthorized(ExchangeError):
    """401: not processed."""


class Forbidden(ExchangeError):
    """403: not processed."""


class Rejected(ExchangeError):
    """A definitive no. `code` is the exchange's word."""

    def __init__(self, text: str, code: str, insufficient: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.insufficient = insufficient
