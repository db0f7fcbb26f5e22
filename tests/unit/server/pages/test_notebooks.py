import base64

import pytest

from tidemill.server.pages.notebooks import read_cells

PNG = b"\x89PNG\r\n\x1a\nrest"


def test_cells_have_their_source_and_what_they_gave():
    found = read_cells(
        {
            "cells": [
                {"cell_type": "markdown", "source": ["# A\n", "b"]},
                {
                    "cell_type": "code",
                    "execution_count": 3,
                    "source": "1 + 1",
                    "outputs": [
                        {"output_type": "stream", "text": ["hello\n"]},
                        {"data": {"text/plain": "2", "text/html": "<script>x</script>"}},
                        {"data": {"image/png": base64.b64encode(PNG).decode(), "text/plain": "a plot"}},
                        {"output_type": "error", "traceback": ["one", "two"]},
                    ],
                },
            ]
        }
    )

    assert [(cell.kind, cell.source, cell.count) for cell in found] == [
        ("markdown", "# A\nb", ""),
        ("code", "1 + 1", "3"),
    ]
    assert [output.text for output in found[1].outputs] == ["hello\n", "2", "", "one\ntwo"]
    assert found[1].outputs[2].image.startswith("data:image/png;base64,")


@pytest.mark.parametrize("image", ["PHN2Zz4=", "not base64!", "", None, 7])
def test_a_picture_that_is_none_is_not_shown(image):
    found = read_cells({"cells": [{"cell_type": "code", "source": "", "outputs": [{"data": {"image/png": image}}]}]})

    assert found[0].outputs == []


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"cells": 3}, {"cells": [1, None]}, {"cells": []}, {"cells": [{}]}, {"cells": [{"source": {}}]}],
)
def test_anything_may_stand_in_a_notebook(document):
    assert all(cell.source == "" for cell in read_cells(document))
