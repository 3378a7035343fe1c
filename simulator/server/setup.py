"""From settings to an exchange: which market, which account, which faults."""

from pathlib import Path

import orjson

from shared.settings import Mode, Settings
from simulator.core.faults import BadFault, Faults, parse_fault
from simulator.core.markets import MARKETS, synthetic
from simulator.core.products import served
from simulator.core.replay import Anchor, BadRecording, Recording, Replay
from simulator.core.scenarios import SCENARIOS, Scenario
from simulator.core.several import Several
from simulator.core.tape import MarketSource
from simulator.core.trades import TradeRecording, TradeReplay
from simulator.core.venue import VenueRules
from simulator.exchange import Config, Exchange
from simulator.server.files import SimFiles
from simulator.server.recordings import fingerprint, load
from simulator.server.sessions import RecordedSession, is_session
from simulator.store import Store

QUOTES_US = 150_000  # a served market's quotes are as restless as recorded ones; runs in virtual time need not be


class BadSetup(Exception):
    """Settings that make no exchange; the text says what to change."""


def config_of(settings: Settings) -> Config:
    rules = VenueRules(
        idempotency=settings.sim_idempotency,
        maker_ppm=round(settings.sim_maker_fee_pct * 10_000),
        taker_ppm=round(settings.sim_taker_fee_pct * 10_000),
        queue_us=settings.sim_queue_ms * 1000,
    )
    return Config(
        seed=settings.sim_seed,
        funds=f"{settings.sim_funds:.2f}",
        rules=rules,
        client_id=settings.sim_client_id,
        enforce_rate_limits=settings.sim_rate_limits,
        quotes_us=QUOTES_US,
    )


def make_tape(settings: Settings, store: Store, now_us: int) -> MarketSource:
    """The market that the settings name. Raises BadSetup."""
    if settings.coin_mode is Mode.REPLAY:
        return _replay(settings, store, now_us)
    name = settings.sim_market
    if name in SCENARIOS:
        since = _since(store, name, now_us)
        return Scenario(synthetic("calm", settings.sim_seed, served(settings.products)), name, since, settings.sim_seed)
    if name not in MARKETS:
        raise BadSetup(f"SIM_MARKET={name}: known markets are {', '.join((*MARKETS, *SCENARIOS))}")
    return synthetic(name, settings.sim_seed, served(settings.products))


def _since(store: Store, name: str, now_us: int) -> int:
    """The minute of the scenario's first start on this account."""
    kept = (store.meta("scenario") or "").split(" ")
    if kept[0] == name:
        return int(kept[1])
    minute = now_us // 60_000_000
    store.set_meta("scenario", f"{name} {minute}")
    return minute


def _replay(settings: Settings, store: Store, now_us: int) -> MarketSource:
    if not settings.sim_replay:
        raise BadSetup("COIN_MODE=replay needs SIM_REPLAY=<a file of candles>")
    paths = _files(settings)
    loaded = [_load(path, settings.sim_replay_product) for path in paths]
    recordings = [recording for recording, _ in loaded]
    names = [recording.product.product_id for recording in recordings]
    if len(set(names)) < len(names):
        raise BadSetup(f"SIM_REPLAY: each file must be of a different product; these are of {', '.join(names)}")
    first, end = max(r.first for r in recordings), min(r.end for r in recordings)
    if first >= end:
        raise BadSetup(f"SIM_REPLAY: the recordings of {', '.join(names)} have no time in common")
    mark = "+".join(f"{found} {name}" for (_, found), name in zip(loaded, names, strict=True))
    mark += f" {settings.sim_replay_speed}"
    kept = store.meta("replay")
    if kept is not None and kept.rpartition(" ")[0].rpartition(" ")[0] == mark:
        clock, recorded = (int(part) for part in kept.split(" ")[-2:])
    else:
        clock = now_us // 60_000_000
        recorded = first + (end - first) // 3
        recorded -= recorded % max(recording.minutes_each for recording in recordings)
        # Buckets of the clock and of the recording shall agree as far as possible: hours begin at hours.
        for grid in (1440, 60, 5):
            if end - first > 12 * grid and settings.sim_replay_speed == 1.0:
                recorded += (clock - recorded) % grid
                break
        store.set_meta("replay", f"{mark} {clock} {recorded}")
    anchor = Anchor(clock, recorded, settings.sim_replay_speed)
    tapes: list[MarketSource] = [
        TradeReplay(recording, anchor)
        if isinstance(recording, TradeRecording)
        else Replay(recording, anchor, settings.sim_seed)
        for recording in recordings
    ]
    return tapes[0] if len(tapes) == 1 else Several(tapes)


def _files(settings: Settings) -> list[Path]:
    whole = Path(settings.sim_replay).expanduser()  # its name may hold a comma
    names = [settings.sim_replay] if whole.exists() else settings.sim_replay.split(",")
    return [Path(name.strip()).expanduser() for name in names if name.strip()]


def _load(path: Path, product_if_unnamed: str) -> tuple[Recording | TradeRecording, str]:
    """The recording and what tells its file from others. Raises BadSetup."""
    try:
        return load(path, product_if_unnamed), fingerprint(path)
    except OSError as error:
        raise BadSetup(f"SIM_REPLAY={path}: {error.strerror or error}") from error
    except BadRecording as error:
        raise BadSetup(f"SIM_REPLAY={path}: {error}") from error


def open_session(settings: Settings) -> RecordedSession | None:
    """The recorded stream session that the settings name; None when they name none. Raises BadSetup."""
    paths = _files(settings)
    if settings.coin_mode is not Mode.REPLAY or not paths:
        return None
    path = paths[0]
    try:
        for path in paths:
            if is_session(path):
                break
        else:
            return None
        if len(paths) > 1:
            raise BadSetup(f"SIM_REPLAY={path}: a stream session or a book is replayed alone")
        return RecordedSession(path, settings.sim_replay_speed, settings.sim_replay_product)
    except OSError as error:
        raise BadSetup(f"SIM_REPLAY={path}: {error.strerror or error}") from error
    except BadRecording as error:
        raise BadSetup(f"SIM_REPLAY={path}: {error}") from error


def load_faults(files: SimFiles, seed: int, now_us: int) -> Faults:
    """The faults that the file arms; their schedules begin at `now_us`. Raises BadSetup."""
    faults = Faults(seed)
    if not files.faults.exists():
        return faults
    try:
        raw = orjson.loads(files.faults.read_bytes())
        for name, value in raw.items():
            faults.arm(parse_fault(name, value, now_us))
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError, BadFault) as error:
        raise BadSetup(f"{files.faults}: {error}") from error
    return faults


def open_exchange(settings: Settings, files: SimFiles, now_us: int, tape: MarketSource | None = None) -> Exchange:
    """The exchange with its account from disk; `tape` None: the settings' own.

    Raises BadSetup, OSError, sqlite3.Error.
    """
    store = Store(files.account)
    tape = tape or make_tape(settings, store, now_us)
    exchange = Exchange(tape, store, config_of(settings), now_us)
    exchange.resume()
    return exchange
