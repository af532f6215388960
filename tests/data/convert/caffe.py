"""Caffe .caffemodel files: each layer's arrays, without their shapes.

Dynamic Network Surgery stores a layer as weight, bias and a mask of each, so the products with the masks come too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.data.contents import Array
from tests.data.convert.messages import messages

SCHEMA = messages(
    "caffe",
    Net={"layers": (2, "OldLayer*"), "layer": (100, "Layer*")},
    OldLayer={"blobs": (6, "Blob*")},
    Layer={"blobs": (7, "Blob*")},
    Blob={"data": (5, "float*")},
)


def caffe(path: Path) -> Iterator[Array]:
    net = SCHEMA["Net"].FromString(path.read_bytes())
    for layer in (*net.layer, *net.layers):
        blobs = [np.array(blob.data, dtype=np.float32) for blob in layer.blobs]
        yield from blobs
        if len(blobs) == 4:
            yield blobs[0] * blobs[2]
            yield blobs[1] * blobs[3]
