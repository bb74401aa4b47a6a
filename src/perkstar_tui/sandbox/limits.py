"""Rate limits as sliding windows over the sandbox's own clock."""

from collections import deque

from .clock import Clock


class Window:
    """At most `limit` calls in any stretch of `seconds`."""

    def __init__(self, clock: Clock, limit: int, seconds: float) -> None:
        self._clock = clock
        self.limit = limit
        self.seconds = seconds
        self._calls: deque[float] = deque()

    def _forget(self, now: float) -> None:
        while self._calls and self._calls[0] <= now - self.seconds:
            self._calls.popleft()

    def take(self) -> bool:
        """Count one call; False, and not counted, when the window is full."""
        now = self._clock.now()
        self._forget(now)
        if len(self._calls) >= self.limit:
            return False
        self._calls.append(now)
        return True

    @property
    def left(self) -> int:
        """How many calls are still free."""
        self._forget(self._clock.now())
        return self.limit - len(self._calls)

    @property
    def wait(self) -> float:
        """Seconds until a call is free again."""
        if self.left > 0 or not self._calls:
            return 0.0
        return max(0.0, self._calls[0] + self.seconds - self._clock.now())


class Windows:
    """One window per holder of a credential."""

    def __init__(self, clock: Clock, limit: int, seconds: float) -> None:
        self._clock = clock
        self._limit = limit
        self._seconds = seconds
        self._held: dict[str, Window] = {}

    def of(self, holder: str) -> Window:
        """The window of this holder, begun at its first call."""
        found = self._held.get(holder)
        if found is None:
            found = self._held[holder] = Window(self._clock, self._limit, self._seconds)
        return found
