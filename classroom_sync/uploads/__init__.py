"""Lessons, slides and worksheets on their way in: the tus protocol, names, and a look inside."""
