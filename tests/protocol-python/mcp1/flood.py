"""How many frames without a cost a peer may send (docs/protocol.md, section 9)."""

from .codes import ConnectionFailed


class Bucket:
    """So many a second, and so many at once."""

    def __init__(self, rate, at_once):
        self.rate = rate
        self.at_once = at_once
        self.tokens = at_once
        self.when = None

    def take(self, now):
        if self.when is not None:
            self.tokens = min(self.at_once, self.tokens + (now - self.when) * self.rate)
        self.when = now
        self.tokens -= 1
        if self.tokens < 0:
            raise ConnectionFailed("FLOOD", "too many control frames")


class FloodGuard:
    def __init__(self, clock):
        self._clock = clock
        self._frames = Bucket(1_000, 5_000)
        self._resets = Bucket(200, 1_000)
        self._free_credits = 0

    def control(self):
        self._frames.take(self._clock())

    def refused(self):
        self._resets.take(self._clock())

    def sent_with_cost(self):
        """Two CREDIT may come back for each frame that had a cost."""
        self._free_credits += 2

    def credit(self):
        if self._free_credits:
            self._free_credits -= 1
        else:
            self.control()
