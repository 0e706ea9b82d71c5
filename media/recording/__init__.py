"""Recording what is published, without decoding.

`tap` reads a room's publishers a moment later, from the cache that answers NACKs: what was lost and
came again is in its place there, and forwarding is not touched. `depacketize` makes frames of the
packets, `timeline` puts them on one clock, `reel` decides which belong into one file, `segment`
writes it, `recorder` is the thread that does all but the first. `joining` makes one file of the
segments after the lesson.
"""
