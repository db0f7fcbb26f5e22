"""Every limit of the data plane in one place."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much the data plane takes, and for how long it waits.

    Args:
        head_bytes: Longest request line with headers.
        body_bytes: Longest body.
        head_s: Seconds from the first byte of a request to the end of its head.
        body_s: Seconds from the end of the head to the end of the body.
        idle_s: Seconds that a kept connection may stay silent.
        write_s: Seconds that a client may leave its answer unread.
        linger_s: Seconds that a refused client is given to read the refusal.
        connections: Most open connections of a process.
        batch_rows: Most rows of a micro-batch.
        alone_rows: A request with more rows than this is a batch of its own.
        on_loop_us: A call expected to take longer runs in a thread.
        queue_s: A request expected to wait longer than this is refused.
        sweep_s: How often connections are looked at for their time-outs.
        drain_s: Seconds that requests in flight are given after SIGTERM.
    """

    head_bytes: int = 64 * 1024
    body_bytes: int = 16 * 1024 * 1024
    head_s: float = 10.0
    body_s: float = 30.0
    idle_s: float = 75.0
    write_s: float = 30.0
    linger_s: float = 2.0
    connections: int = 1000
    batch_rows: int = 64
    alone_rows: int = 8
    on_loop_us: float = 2000.0
    queue_s: float = 2.0
    sweep_s: float = 1.0
    drain_s: float = 10.0
