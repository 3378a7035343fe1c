"""The bot's settings of a plan: the profile's defaults, the plan's own values, and what every run needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.setting_checks import contradictions
from shared.settings import Mode, Profile, Settings, load

NO_FILE = Path("/nonexistent/.env")
# Order books cost a connection and many frames: used only where a plan asks for them.
NO_BOOKS = {"depth_view": False, "max_impact_bp": 0.0}


def effective_settings(
    plan_settings: Mapping[str, Any], products: tuple[str, ...], folder: Path, *, live: bool
) -> Settings:
    """As the bot's process loads them. Raises ValueError where the plan's settings contradict each other."""
    given = {"log_level": "WARNING", **NO_BOOKS, **plan_settings}
    by_hand = frozenset[str]()
    if "profile" in plan_settings:  # older plans were drawn without one
        given["profile"] = profile = Profile(plan_settings["profile"])
        if live and profile is Profile.DEV:
            given["profile"] = profile = Profile.PROD
        given = _defaults(profile) | given
        by_hand = frozenset(name.upper() for name in plan_settings)
    if live:
        key = str(folder / "data" / "sim" / "key.json")
        given |= {"coin_mode": Mode.LIVE, "dry_run": False, "coinbase_key_file": key}
        given.setdefault("profile", Profile.PROD)
    given["strategies"] = tuple(given.get("strategies", ()))
    made = Settings(data_dir=folder / "data", **(given | {"products": products, "by_hand": by_hand}))
    found = contradictions(made) if "profile" in plan_settings else []
    if found:
        raise ValueError("; ".join(found))
    return made


def _defaults(profile: Profile) -> dict[str, Any]:
    """What the profile sets, with its types."""
    loaded = load(NO_FILE, {"PROFILE": profile.value})
    return {
        name.lower(): getattr(loaded.settings, name.lower())
        for name, source in loaded.sources.items()
        if source == "profile"
    }
