"""What a person can mend: shown as one line, never as a traceback."""


class ResearchError(Exception):
    """Something that was asked for can't be done; the text says what and, where known, the way out."""
