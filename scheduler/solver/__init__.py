"""From demands to a weekly timetable, by OR-Tools CP-SAT and HiGHS.

`problem` splits the city where nothing couples it and lists all that could be planned; `model`
turns that and the rules into constraints; `search` runs CP-SAT, `milp` HiGHS; `part` takes one part
through the stages, `turns` all parts within a limit; `sharing` says who shares a session and who
leads it, `naming` gives rooms and assistants; `why` explains what does not fit. `solve` joins them.
"""

from scheduler.solver.part import Part, Shortfall
from scheduler.solver.search import Outcome, Search
from scheduler.solver.solve import Solution, solve
from scheduler.solver.turns import Progress, gap
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
