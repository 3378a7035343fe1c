"""Ten large spot markets as a named choice: `PRODUCTS=largest-10`, and caps for them: `MAX_PRODUCT_USD=largest-10`."""

NAME = "largest-10"

# Base currency to most USD held in it: the two with the deepest books, then two, then the rest.
_CAPS = {
    "BTC": 5000, "ETH": 5000, "SOL": 2500, "XRP": 2500, "LTC": 1000, "ADA": 1000, "DOGE": 1000, "BCH": 1000,
    "AVAX": 1000, "LINK": 1000,
}  # fmt: skip


def expanded(key: str, text: str) -> str:
    """The value that the name stands for under this key; any other text as it is."""
    if text.strip().lower() != NAME:
        return text
    if key == "PRODUCTS":
        return ",".join(f"{base}-USD" for base in _CAPS)
    return ",".join(f"{base}:{cap}" for base, cap in _CAPS.items()) if key == "MAX_PRODUCT_USD" else text
