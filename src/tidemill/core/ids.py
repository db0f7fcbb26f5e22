"""Identifiers that sort by the time of their making."""

import os
import time


def new_id(*, at_ms: int | None = None) -> str:
    """Return 32 lowercase hex digits: a version 7 UUID without dashes.

    Args:
        at_ms: Milliseconds since the epoch to stamp it with; now when left out.

    Source:
        RFC 9562, section 5.7.
    """
    stamp = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    value = int.from_bytes(os.urandom(10), "big")
    high = (stamp & 0xFFFFFFFFFFFF) << 16 | 0x7000 | (value >> 64 & 0x0FFF)
    low = 0x8000000000000000 | (value & 0x3FFFFFFFFFFFFFFF)
    return f"{high << 64 | low:032x}"


def stamp_of(identifier: str) -> int:
    """Return the milliseconds since the epoch at which an identifier was made."""
    return int(identifier[:12], 16)
