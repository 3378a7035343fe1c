"""What a person can mend: shown as one line, never as a traceback."""

from shared.exits import Exit


class ResearchError(Exception):
    """Something that was asked for can't be done; the text says what and, where known, the way out."""

    code = Exit.FAILED


class Misused(ResearchError):
    """The command was typed wrong: an option's value is none that it may have."""

    code = Exit.USAGE


class WrongSettings(ResearchError):
    """The settings in .env or the environment don't hold."""

    code = Exit.SETTINGS
