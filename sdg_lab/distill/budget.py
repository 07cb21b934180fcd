"""What a run may spend: tokens and requests in all, and how many of them a minute."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdg_lab.checks import whole

MINUTE = 60.0
"""Seconds."""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, which has an s unless it is one: 1 record, 2,000 records."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


@dataclass(frozen=True)
class Budget:
    """The most that a run spends, over all its starts together; None sets no bound.

    Attributes:
        tokens: read and written. Scores count what they read, if the teacher can count it.
        requests: prompts asked and answers scored. Those that fail and are tried again count once.

    Raises:
        ValueError: for a bound below 1.
    """

    tokens: int | None = None
    requests: int | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None:
                whole(f"the budget's {name}", value, least=1)


class Account:
    """What was spent of a budget, and what is set aside for requests under way.

    A request is begun only if the most that it can need is left, so a budget is kept to, not noticed afterwards.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.tokens = self.requests = 0
        self._set_aside: deque[int] = deque()

    def fits(self, needs: Sequence[int]) -> bool:
        """Say whether requests that may need so many tokens each fit beside all that is under way."""
        tokens = self.tokens + sum(self._set_aside) + sum(needs)
        requests = self.requests + len(self._set_aside) + len(needs)
        return not needs or (
            (self.budget.tokens is None or tokens <= self.budget.tokens)
            and (self.budget.requests is None or requests <= self.budget.requests)
        )

    def begin(self, needs: Sequence[int]) -> None:
        """Set aside the tokens that requests may need."""
        self._set_aside.extend(needs)

    def end(self, tokens: int, *, again: bool = False) -> None:
        """Book what the oldest request under way has really needed, unless it was booked already."""
        self._set_aside.popleft()
        if not again:
            self.book(tokens)

    def book(self, tokens: int) -> None:
        """Book a request that needed so many tokens."""
        self.tokens += tokens
        self.requests += 1

    def wants(self, needed: int) -> str:
        """Say what is left, where a request that may need so many tokens has too few; otherwise nothing."""
        if self.budget.tokens is None or self.fits([needed]):
            return ""
        left = max(0, self.budget.tokens - self.tokens)
        if needed <= left:  # it is the requests that are spent
            return ""
        return f"{counted(left, 'token')} {'is' if left == 1 else 'are'} left, and the next may need {needed:,}"

    def __str__(self) -> str:
        bounds = ((self.requests, self.budget.requests, "request"), (self.tokens, self.budget.tokens, "token"))
        said = [
            counted(spent, noun) if most is None else f"{spent:,} of {counted(most, noun)}"
            for spent, most, noun in bounds
        ]
        over = any(most is not None and spent > most for spent, most, _ in bounds)
        return (
            " and ".join(said) + " (more than this budget: an earlier one was larger, or a server counts more)" * over
        )


class RateLimit:
    """Lets as much pass a minute as a service allows, whichever minute one looks at; several threads may wait.

    Args:
        requests, tokens: the most in any 60 seconds; None sets no bound. A request that alone has more tokens than the
            bound passes when nothing else did for a minute.
        clock: seconds that only grow.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        requests: int | None = None,
        tokens: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.requests = None if requests is None else whole("requests a minute", requests, least=1)
        self.tokens = None if tokens is None else whole("tokens a minute", tokens, least=1)
        self._clock, self._sleep = clock, sleep
        self._passed: deque[tuple[float, int]] = deque()
        self._not_before = -float("inf")
        self._lock = threading.Lock()

    def wait(self, tokens: int, sleep: Callable[[float], object] | None = None) -> None:
        """Return when a request that may need so many tokens may be sent; ``sleep`` may raise, to wait no longer."""
        while True:
            with self._lock:
                now = self._clock()
                delay = self._delay(now, tokens)
                if delay <= 0:
                    self._passed.append((now, tokens))
                    return
            (sleep or self._sleep)(delay)

    def pause(self, seconds: float) -> None:
        """Let nothing pass for so long: the service asked for it."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def _delay(self, now: float, tokens: int) -> float:
        """Return the seconds until the request fits, or at least until it is worth asking again."""
        while self._passed and now - self._passed[0][0] >= MINUTE:
            self._passed.popleft()
        if now < self._not_before:
            return self._not_before - now
        full = self.requests is not None and len(self._passed) >= self.requests
        together = sum(needed for _, needed in self._passed) + tokens
        heavy = self.tokens is not None and bool(self._passed) and together > self.tokens
        return self._passed[0][0] + MINUTE - now if full or heavy else 0.0
