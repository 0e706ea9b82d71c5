"""How fast the media plane is, beside Janus doing the same work: `classroom-sync bench media`."""

from media.bench.comparison import Options, Result, run
from media.bench.measure import Measurement, Plan

__all__ = ["Measurement", "Options", "Plan", "Result", "run"]
