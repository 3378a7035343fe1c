"""An error's text, as far as one line of a log or a page takes it."""


def first_line(error: BaseException, most: int | None = None) -> str:
    """The first line of the error's own text, cut to `most` characters; its class where it has no text."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:most]
