"""From demands to a weekly timetable, by OR-Tools CP-SAT.

`problem` splits the city where nothing couples it and lists all that could be planned; `model`
turns that and the rules into constraints; `search` runs CP-SAT in stages; `naming` gives rooms and
assistants; `why` explains what does not fit. `solve` joins them.
"""

from scheduler.solver.search import Outcome, Search
from scheduler.solver.solve import Part, Progress, Shortfall, Solution, gap, solve
from scheduler.solver.why import Core, Requirement

__all__ = [
    "Core",
    "Outcome",
    "Part",
    "Progress",
    "Requirement",
    "Search",
    "Shortfall",
    "Solution",
    "gap",
    "solve",
]
