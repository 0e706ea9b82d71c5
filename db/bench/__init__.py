"""How reports and evidence do at size: a made past of cities, and what is measured of it."""
