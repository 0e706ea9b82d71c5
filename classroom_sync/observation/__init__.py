"""Observers: who watches unseen 巡课, and observation of lessons 听课评课."""
