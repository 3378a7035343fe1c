"""Which product a foreign table holds: by a column of symbols, the columns' names, the file's name; never a guess."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from research.data.products import KNOWN
from research.errors import ResearchError

QUOTES = ("USDT", "USDC", "PYUSD", "USD", "EURC", "EUR", "GBP")
SYMBOL_COLUMNS = ("symbol", "product", "productid", "pair", "ticker", "instrument", "market", "coin", "asset")
_BASES = frozenset(product_id.partition("-")[0] for product_id in KNOWN)
_QUOTE = "|".join(QUOTES)
_PAIR = re.compile(rf"(?<![A-Z0-9])([A-Z0-9]{{2,10}}?)([-/]?)({_QUOTE})(?![A-Z0-9])")
_UNDERSCORED = re.compile(rf"(?<![A-Z0-9])([A-Z0-9]{{2,10}})_({_QUOTE})(?![A-Z0-9])")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Hint:
    """What one place says: the base, the quote where it is told, and where that stands."""

    base: str
    quote: str | None
    where: str

    @property
    def text(self) -> str:
        return f"{self.base}-{self.quote}" if self.quote else self.base


def parse(text: str) -> tuple[str, str] | None:
    """(base, quote) of a symbol such as ETH-USD, ETH/USD, ETH_USD, ETHUSDT; None where it is none."""
    match = re.fullmatch(rf"([A-Z0-9]{{2,10}}?)[-_/: ]?({_QUOTE}|BTC|ETH)", text.strip().upper())
    return (match[1], match[2]) if match else None


def of_file_name(name: str) -> list[Hint]:
    """Every product that a file's name may mean."""
    upper = re.sub(r"\.[A-Z0-9]+(\.GZ)?$", "", name.upper())
    found = [
        (base, quote) for base, mark, quote in _PAIR.findall(upper) if base[0].isalpha() and (mark or base in _BASES)
    ]
    # An underscore parts other words, too: only a coin that is known counts before one.
    found += [(base, quote) for base, quote in _UNDERSCORED.findall(upper) if base in _BASES]
    if not found:  # one that is not known, written as one word: NEWUSD
        found = [(base, quote) for base, _, quote in _PAIR.findall(upper) if base.isalpha() and len(base) <= 5]
    if not found:
        return [Hint(word, None, "the file's name") for word in re.findall(r"[A-Z0-9]+", upper) if word in _BASES]
    return [Hint(base, quote, "the file's name") for base, quote in dict.fromkeys(found)]


def of_columns(names: Sequence[str]) -> list[Hint]:
    """What names such as `Volume ETH` say of the base."""
    words = (re.fullmatch(r"volume[ _(]*([a-z0-9]{2,10})\)?", name.strip().lower()) for name in names)
    bases = [word[1].upper() for word in words if word is not None]
    return [Hint(base, None, f"the column for its volume ({base})") for base in bases if base in _BASES]


def of_symbols(symbols: Sequence[str], wanted: str | None) -> list[Hint]:
    """What a column of symbols says. Raises ResearchError where it holds several and none is asked for."""
    pairs = {symbol: parse(symbol) for symbol in dict.fromkeys(symbols)}
    named = {pair for pair in pairs.values() if pair is not None}
    if len(named) > 1 and wanted is None:
        shown = ", ".join(sorted(f"{base}-{quote}" for base, quote in named)[:_SHOWN])
        raise ResearchError(f"the file holds {len(named)} products ({shown} …): choose one with --product")
    if len(named) > 1:
        return []
    return [Hint(base, quote, "its column of symbols") for base, quote in named]


def rows_of(symbols: Sequence[str], product_id: str) -> list[int]:
    """The rows whose symbol is this product's. Raises ResearchError where there are none."""
    base, _, quote = product_id.partition("-")
    found = [i for i, symbol in enumerate(symbols) if parse(symbol) == (base, quote)]
    if not found:
        raise ResearchError(f"no row's symbol is {product_id}")
    return found


def decide(file: str, hints: Sequence[Hint], wanted: str | None) -> tuple[str, str]:
    """(product, sentence that says why). Raises ResearchError where nothing says it, or two things say different.

    What was asked for may name another quote currency than the file (a price in USDT taken as USD), never another coin.
    """
    bases = {hint.base for hint in hints}
    if wanted is not None:
        base, _, quote = wanted.partition("-")
        other = next((hint for hint in hints if hint.base != base), None)
        if other is not None and base not in bases:
            raise ResearchError(f"{file}: {other.where} says {other.text}, but --product says {wanted}")
        money = next((hint.quote for hint in hints if hint.base == base and hint.quote not in (None, quote)), None)
        if money is not None:
            return wanted, f"prices in {money}, taken as {quote}, as specified"
        return wanted, f"product {wanted}, as specified"
    whole = {(hint.base, hint.quote) for hint in hints if hint.quote}
    if len(whole) == 1 and len(bases) == 1:
        base, quote = whole.pop()
        where = next(hint.where for hint in hints if hint.quote)
        return f"{base}-{quote}", f"product {base}-{quote}, by {where}"
    if not hints:
        raise ResearchError(f"{file}: neither its name nor its columns say which product this is: --product BTC-USD")
    said = "; ".join(f"{hint.where} says {hint.text}" for hint in hints)
    cure = f"--product {hints[0].base}-{hints[0].quote or 'USD'}"
    raise ResearchError(f"{file}: {said}, which does not identify the product: set it, for example {cure}")
