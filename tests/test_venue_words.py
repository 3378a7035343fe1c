"""No venue's word outside its adapter: the rest of the bot speaks the domain's language, in names and in strings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.timeframe import Timeframe
from shared.settings import GRANULARITY_S

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("domain", "engine", "rules", "strategies", "app")
NEUTRAL = ("capabilities", "errors", "limiter", "net", "port")  # of bot/venues; the registry alone names an adapter
WORDS = re.compile(
    r"(?i:coinbase|advanced.?trade)|_MINUTE\b|\bONE_(HOUR|DAY)\b|\bSPOT\b|CANCEL_QUEUED|EDIT_QUEUED|market_market_ioc"
    r"|limit_limit_|batch_cancel|brokerage|portfolio_uuid|can_transfer\W|\b[A-Z0-9]{2,6}-(USD|USDC|EUR|GBP)\b"
)
# File: the public words that it has to hold.
PUBLIC = {
    "bot/domain/timeframe.py": r"(ONE|FIVE|FIFTEEN)_(MINUTE|HOUR|DAY)",  # the values of GRANULARITY, as .env has them
}


def said(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every name and every string that is no docstring: comments and docstrings may name an example."""
    tree = ast.parse(source)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield node.lineno, " ".join([getattr(node, "module", None) or "", *(alias.name for alias in node.names)])


def venue_words(source: str, where: str = "") -> list[str]:
    allowed = re.compile(PUBLIC[where]) if where in PUBLIC else None
    return [
        f"{where}:{line} {text!r}"
        for line, text in said(source)
        if WORDS.search(text) and not (allowed is not None and allowed.fullmatch(text))
    ]


def sources() -> list[Path]:
    rooms = [path for room in ROOMS for path in (ROOT / "bot" / room).rglob("*.py")]
    return sorted([*rooms, *(ROOT / "bot" / "venues" / f"{name}.py" for name in NEUTRAL)])


def test_no_venue_word_outside_the_adapters() -> None:
    assert len(sources()) > 120, "the rooms are where this test looks for them"
    found = [word for path in sources() for word in venue_words(path.read_text(), path.relative_to(ROOT).as_posix())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "from bot.venues.coinbase import rest",
        "class CoinbaseThing:\n    pass",
        "x = 'ONE_MINUTE'",
        "def f(portfolio_uuid):\n    pass",
        "x = {'product_type': 'SPOT'}",
        "x = 'BTC-USD'",
        "x = status.CANCEL_QUEUED",
        "x = f'wss://advanced-trade-ws.{y}'",
    ],
)
def test_a_planted_word_is_found(source: str) -> None:
    assert venue_words(source)


def test_a_docstring_may_name_an_example() -> None:
    assert not venue_words('"""Such as BTC-USD at Coinbase."""\nx = "price"\n')


def test_the_timeframes_are_the_settings_words() -> None:
    assert {timeframe.value: timeframe.seconds for timeframe in Timeframe} == GRANULARITY_S
