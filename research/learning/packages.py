"""Libraries that only training needs (requirements-learning.txt), loaded when a kind of model asks for them."""

from importlib import import_module
from typing import Any

from research.errors import ResearchError

FILE = "requirements-learning.txt"


def needed(name: str) -> Any:
    """The module of that name. Raises ResearchError with the way to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ResearchError(
            f"this kind of model needs {name}: .venv/bin/python -m pip install --require-hashes -r {FILE}"
        ) from error
