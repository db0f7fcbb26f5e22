"""How many threads small files are worth: what the system answers at once goes slower in two than in one."""

_QUICK_S = 40e-6
_SLOW_S = 400e-6
_ENOUGH = 64


def threads_for(seconds: float, files: int) -> int | None:
    """Return how many threads to use for files like some that one thread was timed with.

    Threads of Python take turns between calls to the system, and each turn costs as much as a quick call. So one is
    best where files lie in memory, two where making or reading one takes the system a while, and more where it waits.

    Args:
        seconds: What the files took.
        files: How many there were.

    Returns:
        None where they were too few to tell.
    """
    if files < _ENOUGH:
        return None
    if seconds < files * _QUICK_S:
        return 1
    return 2 if seconds < files * _SLOW_S else 4
