"""How long web sessions and passwords last, when an account is locked, and whose sign-in takes a
second factor (DOMAIN 12; 等保 2.0, GB/T 22239-2019, 7.1.4.1 and 8.1.4.1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from classroom_sync.permissions import Role


@dataclass(frozen=True, slots=True)
class EntryRules:
    """The values that are assumed where nothing is set."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    failures: int = 5
    lock: timedelta = timedelta(minutes=30)
    second_factor: frozenset[Role] = frozenset()
    password_age: timedelta | None = None  # None: a password is good for ever

    def password_until(self, set_at: datetime) -> datetime | None:
        """Until when a password is good; None: for ever."""
        return None if self.password_age is None else set_at + self.password_age

    def within_limits(
        self, begun: datetime, seen: datetime, teaching_until: datetime | None, now: datetime
    ) -> bool:
        """Whether an account's web session is good; in a lesson that is on no limit holds."""
        if teaching_until is not None and now < teaching_until:
            return True
        return now - seen < self.idle and now - begun < self.absolute
