"""What a step prints, bounded: its beginning and its end."""

from collections import deque

HEAD_BYTES = 128 << 10
TAIL_BYTES = 384 << 10
_LIVE_BYTES = 4096


class LogBuffer:
    """Keeps the first 128 KiB and the last 384 KiB of what is printed."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._fresh = bytearray()
        self._missed = 0

    def add(self, piece: bytes) -> None:
        """Keep a piece of output."""
        self.size += len(piece)
        self._fresh += piece
        if len(self._fresh) > _LIVE_BYTES:
            self._missed += len(self._fresh) - _LIVE_BYTES
            del self._fresh[:-_LIVE_BYTES]
        room = HEAD_BYTES - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        if piece:
            self._tail.append(piece)
            self._tail_size += len(piece)
            while self._tail_size - len(self._tail[0]) >= TAIL_BYTES:
                self._tail_size -= len(self._tail.popleft())

    def fresh(self) -> str:
        """Return what was printed since the last call; only the end of it when it was much."""
        text = bytes(self._fresh).decode("utf-8", "replace")
        if self._missed:
            text = f"… {self._missed} bytes\n{text}"
        self._fresh.clear()
        self._missed = 0
        return text

    def content(self) -> bytes:
        """Return all that was kept, and a line that says how much was not."""
        left_out = self.size - len(self._head) - self._tail_size
        if left_out <= 0:
            return bytes(self._head) + b"".join(self._tail)
        note = f"\n… {left_out} bytes left out …\n".encode()
        return bytes(self._head) + note + b"".join(self._tail)
