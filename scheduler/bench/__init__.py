"""Timetable benchmarks: cities made from seeds, our solver alone and beside FET."""
