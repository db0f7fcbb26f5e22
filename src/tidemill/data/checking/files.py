"""What can be checked of a file that is no dataset yet."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tidemill.checks.personal.scan import SAMPLE, PersonalReport, scan_personal
from tidemill.data.checking.detectors import load_detectors
from tidemill.data.disk import Scratch, plain_disk
from tidemill.data.profiling import plain_options
from tidemill.data.sources.locate import locate_one
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.rows import read_rows
from tidemill.objects import ObjectStore


def scan_file(source: str, *, sample: int = SAMPLE, detectors: str = "") -> PersonalReport:
    """Return what personal data a file of rows holds, without a workspace.

    Args:
        source: Its path.
        sample: About how many rows are looked at.
        detectors: Names of further finders, separated by commas.

    Raises:
        SourceNotFound: If there is none.
        NotATable: If it is a folder, or a pattern of several files.
        MalformedTable: If it is broken, with its line.
    """
    located = locate_one(source, Reach.of_owner(Path.cwd()))
    with TemporaryDirectory(prefix="tidemill-") as folder:
        objects = ObjectStore(Path(folder))
        with plain_disk(objects.root), Scratch(objects) as scratch:
            report = scan_personal(
                read_rows(located, plain_options(), scratch).frame, sample=sample, detectors=load_detectors(detectors)
            )
            located.check_unchanged()
    return report
