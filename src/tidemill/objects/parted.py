"""Files that come in parts, in any order and several at once, and become one object when all of them are there.

What is on its way is known to this process only: a server that ends forgets it, and the next start removes the bytes.
"""

import hmac
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tidemill.core.digests import Digest
from tidemill.core.errors import BodyTooLarge, InvalidInput, NotFound, Refused, Unavailable
from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.objects.incoming import Incoming
from tidemill.objects.store import ObjectStore, plain_errors

MOST_PARTS = 10_000
MOST_PART_BYTES = 5 << 30
MOST_UPLOADS = 1000
IDLE_S = 3600.0
"""How long an upload waits for its next bytes, and how long its outcome is remembered for those who ask again."""
_SWEEP_S = 300.0
_PIECE = 1 << 20


class UploadNotFound(NotFound):
    """No upload of that id is under way to that place."""

    code = "upload_not_found"


class UploadTokenRefused(Refused):
    """Bytes came for an upload without the token that its beginning gave."""

    code = "upload_token_refused"


class InvalidPart(InvalidInput):
    """A part has no such number, did not come, or is not what came."""

    code = "invalid_part"


class UploadIsWhole(InvalidInput):
    """An upload was completed, so that nothing of it can be changed or taken back."""

    code = "upload_is_whole"


class TooManyUploads(Unavailable):
    """More uploads are under way than the server keeps."""

    code = "too_many_uploads"


class Part(Incoming):
    """A part on its way, of limited size, whose upload stays alive while bytes come."""

    def __init__(self, path: Path, settle: Callable[[Path, Digest], None], alive: Callable[[], None]) -> None:
        super().__init__(path, settle, is_synced=False)
        self._alive = alive

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Add bytes."""
        check_part_size(self.size + len(piece))
        super().write(piece)
        self._alive()


class Upload:
    """A file on its way.

    Args:
        target: What the file will be, in words of the caller's.
        count: How many parts it has.
        room: Where the parts wait; it is the upload's own.
        clock: Tells the time in seconds.
    """

    def __init__(self, target: str, count: int, room: Path, clock: Callable[[], float]) -> None:
        self.id = new_id()
        self.token = secrets.token_urlsafe(32)
        """Whoever has it may send parts of this upload, and nothing else."""
        self.target = target
        self.count = count
        self.is_open = True
        self._is_whole = False
        self._room = room
        self._clock = clock
        self._seen = clock()
        self._parts: dict[int, Digest] = {}
        self._lock = threading.Lock()  # what came and whether it is open, held for moments
        self._ending = threading.Lock()  # held as long as the joining takes; whoever asks again waits for its outcome

    @property
    def idle_s(self) -> float:
        """Return for how long nothing came."""
        return self._clock() - self._seen

    @contextmanager
    def part(self, number: int) -> Iterator[Part]:
        """Give what the bytes of a part are written to; one that came before is replaced when this one is finished.

        Raises:
            InvalidPart: If there is no part of that number.
            UploadNotFound: If the upload ended.
        """
        if not 1 <= number <= self.count:
            raise InvalidPart(
                f"There is no part {number} of {self.count}", hint="Use the addresses that creating the upload gave"
            )
        arrived = partial(self._arrived, number)
        with plain_errors(self._room):
            with self._lock:
                self._check_open()
                opened = Part(self._room / new_id(), arrived, self._stay)
            with opened as coming:
                yield coming

    def complete(self, etags: Mapping[int, str], objects: ObjectStore, name: Callable[[Digest], None]) -> None:
        """Make one object of the parts, and have it named; a second time is no other than the first."""
        with self._ending:
            if self._is_whole:
                return
            with self._lock:
                self._check_open()
                self._check_parts(etags)
                self.is_open = False
            try:
                name(self._joined(objects))
                self._is_whole = True
            finally:
                self._end()

    def abort(self) -> None:
        """Free what the parts take; a second time is no other than the first."""
        with self._ending:
            if self._is_whole:
                raise UploadIsWhole("The upload was completed", hint="Delete the artifact if it is not wanted")
            self._end()

    def expire(self) -> None:
        """End, unless it is being completed just now."""
        if self._ending.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._ending.release()

    def _stay(self) -> None:
        self._seen = self._clock()

    def _arrived(self, number: int, path: Path, digest: Digest) -> None:
        with self._lock:
            self._check_open()
            path.replace(self._room / str(number))
            self._parts[number] = digest
            self._stay()

    def _check_open(self) -> None:
        if not self.is_open:
            raise no_upload(self.id)

    def _check_parts(self, etags: Mapping[int, str]) -> None:
        for number in range(1, self.count + 1):
            if number not in self._parts:
                raise InvalidPart(f"Part {number} of {self.count} did not come", hint="Send it, then complete again")
            if etags.get(number) != self._parts[number]:
                raise InvalidPart(
                    f"The etag of part {number} is not that of what came",
                    hint="Name every part with the ETag of its answer, or send the part again",
                )
        if beyond := sorted(set(etags) - set(self._parts)):
            raise InvalidPart(f"There is no part {beyond[0]} of {self.count}", hint="Name the parts that were sent")

    def _joined(self, objects: ObjectStore) -> Digest:
        """Return the digest of one object with all bytes; no more than one part is on the disk twice at a time."""
        with objects.incoming() as coming:
            for number in range(1, self.count + 1):
                waiting = self._room / str(number)
                with waiting.open("rb") as file:
                    while piece := file.read(_PIECE):
                        coming.write(piece)
                waiting.unlink()
            return coming.finish()[0]

    def _end(self) -> None:
        with self._lock:
            self.is_open = False
            self._parts.clear()
            self._stay()
        shutil.rmtree(self._room, ignore_errors=True)


class PartedUploads:
    """The uploads that are under way, and those that ended lately.

    Args:
        objects: Where what is whole goes.
        clock: Tells the time in seconds.
    """

    def __init__(self, objects: ObjectStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects = objects
        self._clock = clock
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def begin(self, target: str, count: int) -> Upload:
        """Return a new upload.

        Raises:
            InvalidPart: If it has too many parts.
            TooManyUploads: If too many others are under way.
        """
        if not 0 <= count <= MOST_PARTS:
            raise InvalidPart(
                f"An upload has 0 to {MOST_PARTS} parts, not {count}",
                hint="Make the parts larger, with MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE",
            )
        self.sweep()
        with self._lock:
            if sum(each.is_open for each in self._uploads.values()) >= MOST_UPLOADS:
                raise TooManyUploads(
                    f"{MOST_UPLOADS} uploads in parts are under way", hint="Try again when some of them have ended"
                )
            made = Upload(target, count, self._objects.waiting_room(), self._clock)
            self._uploads[made.id] = made
        self._sweep_later()
        return made

    def for_part(self, identifier: str, token: str) -> Upload:
        """Return the upload that parts may be sent to with a token.

        Raises:
            UploadNotFound: If there is none.
            UploadTokenRefused: If the token is not the upload's.
        """
        found = self._uploads.get(identifier)
        if found is None or not found.is_open:
            raise no_upload(identifier)
        if not hmac.compare_digest(found.token.encode(), token.encode()):
            raise UploadTokenRefused(
                "The token is not the one of this upload", hint="Send the headers that creating the upload gave"
            )
        return found

    def complete(self, identifier: str, target: str, etags: Mapping[int, str], name: Callable[[Digest], None]) -> None:
        """Make one object of an upload's parts and have it named, all or nothing.

        Args:
            identifier: The upload.
            target: What it was begun for.
            etags: The digest of each part.
            name: Makes the object visible.

        Raises:
            UploadNotFound: If there is none to that target.
            InvalidPart: If parts are missing, or are not what came.
        """
        self._find(identifier, target).complete(etags, self._objects, name)

    def abort(self, identifier: str, target: str) -> None:
        """Free what an upload takes.

        Raises:
            UploadNotFound: If there is none to that target.
            UploadIsWhole: If it was completed.
        """
        self._find(identifier, target).abort()

    def sweep(self) -> None:
        """End the uploads that wait for too long, and forget those that ended long ago."""
        with self._lock:
            late = [each for each in self._uploads.values() if each.idle_s > IDLE_S]
            for each in late:
                if not each.is_open:
                    del self._uploads[each.id]
        for each in late:
            each.expire()

    def _find(self, identifier: str, target: str) -> Upload:
        found = self._uploads.get(identifier)
        if found is None or found.target != target:
            raise no_upload(identifier)
        return found

    def _sweep_later(self) -> None:
        with self._lock:
            if self._timer is None and self._uploads:
                self._timer = threading.Timer(_SWEEP_S, self._sweep_again)
                self._timer.daemon = True
                self._timer.start()

    def _sweep_again(self) -> None:
        self.sweep()
        with self._lock:
            self._timer = None
        self._sweep_later()


def check_part_size(size: int) -> None:
    """Let a part pass that is not too large.

    Raises:
        BodyTooLarge: If it is.
    """
    if size > MOST_PART_BYTES:
        raise BodyTooLarge(
            f"A part has at most {MOST_PART_BYTES >> 30} GiB", hint="Send smaller parts, and more of them"
        )


def no_upload(identifier: str) -> UploadNotFound:
    """Return what to say of an upload that is not under way."""
    return UploadNotFound(
        f"No upload {shown(identifier)} is under way here",
        hint="It ended, waited for too long, or the server started anew since: create another",
    )
