"""The time that a reader spends on a film, as the page counts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

LONGEST_PAUSE = 300  # s without anything done that still count as reading


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class ReadingClock:
    """Seconds on a film up to what was last done on it; what follows is added, but for long absences.

    A film that is left and opened again gets a new clock, which goes on from what was kept: the time between counts
    for nothing.

    Attributes:
        seconds: those up to ``since``.
        since: the film's opening, or when something was last done on it; aware, UTC.
    """

    seconds: float
    since: datetime = field(default_factory=lambda: now())

    def spent(self, heard: float = 0.0) -> float:
        """Seconds up to this moment.

        Args:
            heard: those that the browser has counted up to the last gesture.
        """
        pause = (now() - self.since).total_seconds()
        return max(heard, self.seconds + min(max(pause, 0.0), LONGEST_PAUSE))

    def done(self, heard: float = 0.0) -> float:
        """``spent``, when something has just been done: the next pause begins here."""
        self.seconds, self.since = self.spent(heard), now()
        return self.seconds
