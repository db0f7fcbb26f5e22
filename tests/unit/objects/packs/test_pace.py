"""The first files tell how many threads the others are worth."""

import pytest

from tidemill.objects.packs.pace import threads_for


@pytest.mark.parametrize(
    ("each_s", "files", "threads"),
    [(20e-6, 256, 1), (60e-6, 256, 2), (5e-3, 256, 4), (20e-6, 3, None), (5e-3, 3, None)],
)
def test_quick_files_are_for_one_thread_and_few_tell_nothing(each_s, files, threads):
    assert threads_for(each_s * files, files) == threads
