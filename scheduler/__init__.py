"""Time: calendar, bells, timetable, sessions, and what the evidence says really happened."""
