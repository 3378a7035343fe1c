"""Names that set-ups of older bots bring along in `.env`, beside those of the table: each is taken as it is written.

A name that means a setting of ours is read as that one. A name of a part that is not there yet is accepted and said
with one sentence, so that an older `.env` starts; the day the table of settings knows it, the table is preferred.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Read as another name of the same setting; where both are set, the setting's own name wins.
SAME_AS: Mapping[str, str] = {
    "PRODUCT_ID": "PRODUCTS",
    "PORT": "DASHBOARD_PORT",
    "STATE_STORE_URI": "LEDGER_URL",
    "SMA_WINDOW": "MA_SLOW",
}
# A variable of this name in a shell is most often another program's: it counts in .env alone.
FILE_ONLY = frozenset(
    {
        "PORT",
        "SMA_WINDOW",
        "SLACK_WEBHOOK",
        "SLACK_BOT_TOKEN",
        "TEAMS_WEBHOOK_URL",
        "TELEGRAM_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "SLACK_CHANNEL_ID",
    }
)


@dataclass(frozen=True, slots=True)
class LegacyName:
    """An accepted name without a meaning of its own today."""

    sentence: str
    secret: bool = False


_BRIDGE = "no effect yet: for the bridge (VENUE=bridge), which does not exist yet; the bot connects to Coinbase itself"
_BUS = "no effect yet: for the event bus; today the processes communicate through files"
_SECRETS = "no effect yet: for the secret store; today secrets are kept in .env (mode 0600)"
_DQN = "no effect yet: for the learning strategies"
_SSH = "used by a deployment by SSH, not by the bot"

KEPT: Mapping[str, LegacyName] = {
    "LIVE_TRADING_DEFAULT": LegacyName(
        "not used: COIN_MODE=live, DRY_RUN=false and ./coin enable-live allow live orders"
    ),
    "USE_OFFICIAL_SDK": LegacyName("not used: the bot always signs and sends requests by Coinbase's official SDK"),
    "USE_SSE": LegacyName("not used: the dashboard always streams to the browser by server-sent events"),
    "COINBASE_ENABLE_DERIVATIVES": LegacyName("no effect yet: for futures; today only spot is traded"),
    "BRIDGE_URL": LegacyName(_BRIDGE),
    "COINBASE_API_BASE": LegacyName(_BRIDGE),
    "COINBASE_WS_ENABLE": LegacyName(_BRIDGE),
    "COINBASE_WS_PRODUCTS": LegacyName(_BRIDGE),
    "COINBASE_WS_URL": LegacyName(_BRIDGE),
    "COINBASE_WS_STALE_SEC": LegacyName(f"{_BRIDGE}; STALE_DATA_SEC shuts entries on old prices"),
    "RABBITMQ_HOST": LegacyName(_BUS),
    "REDIS_HOST": LegacyName(_BUS),
    "REDIS_PORT": LegacyName(_BUS),
    "USE_EVENT_BUS_SSE": LegacyName(_BUS),
    "EVENT_STORE_PATH": LegacyName("no effect yet: for the event bus; today events are kept in the ledger's journal"),
    "SECRETS_BACKEND": LegacyName(_SECRETS),
    "AWS_SECRETS_PREFIX": LegacyName(_SECRETS),
    "AWS_REGION": LegacyName(_SECRETS),
    "VAULT_ADDR": LegacyName(_SECRETS),
    "VAULT_TOKEN": LegacyName(_SECRETS, secret=True),
    "SLACK_SIGNING_SECRET": LegacyName(
        "not used: chat commands come over Socket Mode (SLACK_APP_TOKEN), which signs nothing", secret=True
    ),
    "SSH_PRIVATE_KEY": LegacyName(_SSH, secret=True),
    "SSH_HOST": LegacyName(_SSH),
    "SSH_USER": LegacyName(_SSH),
    "DEPLOY_DIR": LegacyName(_SSH),
}
# Settings that nothing reads any more. A live permission that was given while they were there still holds.
RETIRED: Mapping[str, LegacyName] = {
    "LONG_ONLY": LegacyName("not used: the bot is always long only; a SELL signal opens and closes nothing"),
}
SECRETS = frozenset(name for name, kept in KEPT.items() if kept.secret)


def kept(name: str, secret_settings: frozenset[str]) -> LegacyName | None:
    """What is to be said of an accepted name that no setting answers to; None = it is no such name.

    `secret_settings`: settings that are secrets. Each may also be given as a file's path, under its name and _FILE.
    """
    if name in KEPT or name in RETIRED:
        return KEPT.get(name) or RETIRED[name]
    if name.startswith("DQN_") and len(name) > len("DQN_"):
        return LegacyName(_DQN)
    if name.endswith("_FILE") and name.removesuffix("_FILE") in SECRETS | secret_settings:
        return LegacyName(_SECRETS)
    return None


def contradicts(name: str, text: str) -> str | None:
    """Why the bot must not start with that value of a retired setting; None = it asks for what is done anyway."""
    if name == "LONG_ONLY" and text.strip().lower() not in ("", "true", "1"):
        return f"LONG_ONLY={text}: a SELL can open a position only with futures, which are not supported yet"
    return None


def spelled_as(problem: str, used: Mapping[str, str]) -> str:
    """The problem, naming the spelling that stands in the file as well. `used`: setting to the name that was given."""
    for setting, name in used.items():
        if problem.startswith((f"{setting}=", f"{setting}:", f"{setting} ")):
            return f"{problem} (written as {name})"
    return problem


def names() -> Iterator[str]:
    """Every older name that is accepted, patterns apart."""
    yield from SAME_AS
    yield from KEPT
    yield from RETIRED
