"""Token buckets."""


class Buckets:
    """One bucket for each name: `rate` tokens a second, at most `burst` saved."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._state: dict[str, tuple[float, int]] = {}

    def take(self, name: str, now_us: int) -> bool:
        """True when a token was there."""
        tokens, at = self._state.get(name, (self.burst, now_us))
        tokens = min(self.burst, tokens + max(0, now_us - at) * self.rate / 1e6)
        if len(self._state) > 10_000:
            self._state.clear()
        if tokens < 1:
            self._state[name] = (tokens, now_us)
            return False
        self._state[name] = (tokens - 1, now_us)
        return True
