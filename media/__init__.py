"""Packets: a forwarding media node that speaks WHIP and WHEP and knows no lessons."""
