"""What no single value shows: settings that contradict each other, or allow more than their profile may."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise

from shared.bots import is_bot_name
from shared.data_folder import names_own
from shared.figures import plainly
from shared.money import amount
from shared.regimes import REGIMES, parse_regime_strategies, parse_scales
from shared.setting_table import PROFILES, Mode, Profile, Settings
from shared.strategy_names import COMBINED, parse_weights


def contradictions(s: Settings) -> list[str]:
    """What no single value shows: settings that contradict each other."""
    found = []
    if s.ma_fast >= s.ma_slow:
        found.append(f"MA_FAST={s.ma_fast} must be below MA_SLOW={s.ma_slow}")
    if s.ma_slow > s.max_history_candles:
        found.append(f"MA_SLOW={s.ma_slow} needs more bars than MAX_HISTORY_CANDLES={s.max_history_candles}")
    if not s.products:
        found.append("PRODUCTS is empty: name at least one, such as BTC-USD")
    for product in s.products:
        base, dash, quote = product.partition("-")
        if not (base.isalnum() and dash and quote.isalnum() and product == product.upper()):
            found.append(f"PRODUCTS={product}: a product is written like BTC-USD")
    quotes = sorted({product.partition("-")[2] for product in s.products})
    if len(quotes) > 1:
        found.append(f"PRODUCTS mixes {' and '.join(quotes)}: cash, equity and limits are counted in one currency")
    if len(set(s.products)) != len(s.products):
        found.append("PRODUCTS names a product twice")
    if 0 < s.watchdog_sec < 6:
        found.append(f"WATCHDOG_SEC={s.watchdog_sec}: use 0, or at least 6: a stall of 5 s recovers by itself")
    if not is_bot_name(s.bot_name):
        found.append(f"BOT_NAME={s.bot_name}: up to 20 letters and digits")
    found += _limit_contradictions(s)
    found += _strategies(s)
    found += _regime(s)
    found += _state_file(s)
    if s.ledger_url and not s.ledger_url.reveal().startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        found.append("LEDGER_URL: written postgresql://user:password@host/database")
    if s.coin_mode is Mode.REPLAY and not s.sim_replay:
        found.append("COIN_MODE=replay needs SIM_REPLAY=<a file of candles>")
    if s.sim_port == s.sim_admin_port or s.dashboard_port in (s.sim_port, s.sim_admin_port):
        found.append("SIM_PORT, SIM_ADMIN_PORT and DASHBOARD_PORT must differ")
    if s.sim_plain_port in (s.sim_port, s.sim_admin_port, s.dashboard_port):
        found.append("SIM_PLAIN_PORT must differ from SIM_PORT, SIM_ADMIN_PORT and DASHBOARD_PORT")
    if s.trading_window_utc and parse_window(s.trading_window_utc) is None:
        found.append(f"TRADING_WINDOW_UTC={s.trading_window_utc}: written HH:MM-HH:MM, such as 14:00-15:00")
    if s.coin_mode is Mode.LIVE and s.profile is Profile.DEV:
        found.append("COIN_MODE=live with PROFILE=dev: choose canary (small limits, one hour a day) or prod")
    if s.coin_mode is Mode.LIVE and not (s.coinbase_key_file or s.coinbase_api_private_key):
        found.append("COIN_MODE=live needs COINBASE_KEY_FILE=<the key file that Coinbase hands out>")
    loopback = s.dashboard_host in ("127.0.0.1", "::1", "localhost")
    tls = bool(s.dashboard_tls_cert and s.dashboard_tls_key)
    if not loopback and not (s.dashboard_password_hash and (tls or (s.dashboard_behind_proxy and s.dashboard_hosts))):
        found.append(
            f"DASHBOARD_HOST={s.dashboard_host} is reachable by others: it needs DASHBOARD_PASSWORD_HASH and TLS "
            "(DASHBOARD_TLS_CERT, DASHBOARD_TLS_KEY) or DASHBOARD_BEHIND_PROXY=true with DASHBOARD_HOSTS"
        )
    return found


def _strategies(s: Settings) -> list[str]:
    """STRATEGIES and what says how they are combined."""
    if not s.strategies:
        return ["STRATEGY=combined needs STRATEGIES=<names>, comma-separated"] if s.strategy == COMBINED else []
    found = [
        f"STRATEGIES names {name} twice" for name in sorted({n for n in s.strategies if s.strategies.count(n) > 1})
    ]
    if COMBINED in s.strategies:
        found.append("STRATEGIES must not name combined, which is what they are together")
    try:
        weights = parse_weights(s.strategies_weights)
    except ValueError:
        return [*found, f"STRATEGIES_WEIGHTS={s.strategies_weights}: written like trend:2,steady:1, each above 0"]
    if weights and s.strategies_rule != "weight":
        found.append(f"STRATEGIES_WEIGHTS={s.strategies_weights} counts only with STRATEGIES_RULE=weight")
    found += [f"STRATEGIES_WEIGHTS names {name}, STRATEGIES does not" for name in weights if name not in s.strategies]
    return found


def _regime(s: Settings) -> list[str]:
    """REGIME_…: read where REGIME is on; what cannot be read is refused always."""
    found = []
    for key, parse in (("REGIME_SCALES", parse_scales), ("REGIME_STRATEGIES", parse_regime_strategies)):
        try:
            parse(getattr(s, key.lower()))
        except ValueError:
            example = "down-wild:0.25,range-wild:0.5" if parse is parse_scales else "down-wild:steady"
            found.append(f"{key}={getattr(s, key.lower())}: written like {example}; regimes: {', '.join(REGIMES)}")
    if not s.regime:
        return found
    for low, high in (("TREND_LEAVE", "TREND_ENTER"), ("WILD_LEAVE", "WILD_ENTER"), ("VOL_BARS", "VOL_LONG_BARS")):
        less, more = getattr(s, f"regime_{low.lower()}"), getattr(s, f"regime_{high.lower()}")
        if less >= more:
            found.append(f"REGIME_{low}={less} must be below REGIME_{high}={more}")
    for name in ("TREND_BARS", "VOL_LONG_BARS"):
        bars = getattr(s, f"regime_{name.lower()}")
        if bars >= s.max_history_candles:
            found.append(f"REGIME_{name}={bars} needs more bars than MAX_HISTORY_CANDLES={s.max_history_candles}")
    return found


def _state_file(s: Settings) -> list[str]:
    """The copy of the state goes beside everything else: it must not replace another file of ours."""
    path = s.state_copy
    if path is None:
        return []
    if path.is_dir():
        return [f"STATE_FILE={s.state_file} is a folder: name a file in it, such as {s.state_file}/bot_state.json"]
    if path.parent == s.paths.root and names_own(path.name):
        return [f"STATE_FILE={s.state_file} is another file of the data folder: choose another name"]
    return []


def _limit_contradictions(s: Settings) -> list[str]:
    """Limits that rule each other, or every trade, out; and a canary that was let grow."""
    found = []
    ladder = (
        ("ORDER_MIN_USD", s.order_min_usd),
        ("MAX_ORDER_USD", s.max_order_usd),
        ("MAX_PRODUCT_USD", min((cap for cap in map(s.product_cap_usd, s.products) if cap), default=0.0)),
        ("MAX_TOTAL_USD", s.max_total_usd),
    )
    set_ones = [(key, value) for key, value in ladder if value]
    for (low_key, low), (high_key, high) in pairwise(set_ones):
        if low > high:
            found.append(f"{low_key}={plainly(low)} is above {high_key}={plainly(high)}: nothing could ever be bought")
    if s.sizing == "fixed" and s.fixed_order_usd < s.order_min_usd:
        found.append(f"FIXED_ORDER_USD={plainly(s.fixed_order_usd)} is below ORDER_MIN_USD={plainly(s.order_min_usd)}")
    if s.vol_band_high_pct and s.vol_band_low_pct >= s.vol_band_high_pct:
        found.append(f"VOL_BAND_LOW_PCT={plainly(s.vol_band_low_pct)} must be below VOL_BAND_HIGH_PCT")
    if s.correlation_limit and not (s.max_product_usd or s.product_caps):
        found.append(
            f"CORRELATION_LIMIT={plainly(s.correlation_limit)} has no effect by itself: it needs MAX_PRODUCT_USD"
        )
    found += [
        f"{key}={bars} needs more bars than MAX_HISTORY_CANDLES={s.max_history_candles}"
        for key, bars in s.limit_windows.items()
        if bars >= s.max_history_candles
    ]
    window = parse_window(s.trading_window_utc) if s.trading_window_utc else None
    if window is not None and window[0] == window[1]:
        found.append(f"TRADING_WINDOW_UTC={s.trading_window_utc} never opens")
    try:
        caps = parse_base_caps(s.max_base)
    except ValueError:
        return [*found, f"MAX_BASE={s.max_base}: written like BTC:0.01,ETH:0.2"]
    if s.profile is Profile.CANARY:
        found += _grown_canary(s, caps)
    return found


def _grown_canary(s: Settings, caps: Mapping[str, Decimal]) -> list[str]:
    """The canary's limits may be tightened, never widened: a canary without limits is a contradiction."""
    found = []
    own = PROFILES[Profile.CANARY]
    for key in ("MAX_DAILY_LOSS_USD", "MAX_CONCURRENT_LOTS", "MAX_TOTAL_LOTS", "MAX_ORDER_USD"):
        value = float(getattr(s, key.lower()))
        if not 0 < value <= float(own[key]):
            found.append(
                f"{key}={plainly(value)} contradicts PROFILE=canary, whose limit is {own[key]}: choose less, or prod"
            )
    for base in sorted({product.partition("-")[0] for product in s.products}):
        allowed = parse_base_caps(own["MAX_BASE"]).get(base)
        if base not in caps or (allowed is not None and caps[base] > allowed):
            most = f"at most {allowed}" if allowed is not None else "a limit"
            found.append(f"MAX_BASE={s.max_base} contradicts PROFILE=canary: {base} needs {most}")
    window, inside = parse_window(s.trading_window_utc), parse_window(own["TRADING_WINDOW_UTC"])
    assert inside is not None
    if window is None or not inside[0] <= window[0] < window[1] <= inside[1]:
        text = s.trading_window_utc or "(always)"
        found.append(f"TRADING_WINDOW_UTC={text} contradicts PROFILE=canary, which trades {own['TRADING_WINDOW_UTC']}")
    if s.scanner_max_products:
        found.append(f"SCANNER_MAX_PRODUCTS={s.scanner_max_products} contradicts PROFILE=canary: it picks no products")
    return found


def parse_base_caps(text: str) -> dict[str, Decimal]:
    """Base currency to most units held, of "BTC:0.01,ETH:0.2". Raises ValueError."""
    caps = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        base, _, size = part.partition(":")
        value = amount(size)
        if not base.isalnum() or base != base.upper() or size == "" or value <= 0:
            raise ValueError(part)
        caps[base] = value
    return caps


def parse_product_caps(text: str) -> tuple[str, dict[str, float]]:
    """(the figure for all others, base currency to its cap) of "1000,BTC:5000,ETH:2000". Raises ValueError."""
    figure, named = "0", []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if ":" in part:
            named.append(part)
        elif figure == "0":
            figure = part
        else:
            raise ValueError(part)
    caps = {base: float(cap) for base, cap in parse_base_caps(",".join(named)).items()}
    if any(not 0 < cap <= 1e9 for cap in caps.values()):
        raise ValueError(text)
    return figure, caps


def parse_window(text: str) -> tuple[int, int] | None:
    """(first minute of the day, minute after the last) of "HH:MM-HH:MM"; None = not of that form."""
    try:
        (h1, m1), (h2, m2) = ((int(part) for part in end.split(":")) for end in text.split("-"))
    except ValueError:
        return None
    if not (0 <= h1 <= 23 and 0 <= h2 <= 24 and 0 <= m1 <= 59 and 0 <= m2 <= 59):
        return None
    return h1 * 60 + m1, h2 * 60 + m2
