"""Each publisher's weight files → the .npz files that the tests load, under the names of this project's modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tests.data.convert.arrays import write_found
from tests.data.convert.caffe import caffe
from tests.data.convert.checkpoint import checkpoint
from tests.data.convert.keras import keras
from tests.data.convert.pytorch import pytorch

MLPERF_TINY = {
    "resnet8_cifar10": "pretrainedResnet.h5",
    "vww_mobilenet": "vww_96.h5",
    "ad_autoencoder": "ad01.h5",
    "sww_streaming_wakeword": "str_ww_ref_model.h5",
}

JETS = {"dense": "keras_3layer.h5", "70pruned": "keras_3layer_70pruned_retrained.h5"}

LENETS = {"dense": "caffe_lenet300100_original.caffemodel", "sparse": "caffe_lenet300100_sparse.caffemodel"}


def mlperf_tiny(files: Mapping[str, Path], folder: Path) -> None:
    for name, origin in MLPERF_TINY.items():
        write_found(keras(files[origin]), folder, f"mlperf_tiny/{name}.npz", origin)
    index, values = files["variables.index"], files["variables.data-00000-of-00001"]
    write_found(checkpoint(index, values), folder, "mlperf_tiny/kws_dscnn.npz", values.name)


def jets(files: Mapping[str, Path], folder: Path) -> None:
    for kind, origin in JETS.items():
        write_found(keras(files[origin]), folder, f"jet_tagging/jet3layer_{kind}.npz", origin)


def lenets(files: Mapping[str, Path], folder: Path) -> None:
    for kind, origin in LENETS.items():
        write_found(caffe(files[origin]), folder, f"dns_pruned_lenet/lenet300100_{kind}.npz", origin)


def resnet20(files: Mapping[str, Path], folder: Path) -> None:
    ((origin, path),) = files.items()
    write_found(pytorch(path), folder, "resnet20_cifar10/resnet20.npz", origin)


def lenet5(files: Mapping[str, Path], folder: Path) -> None:
    ((name, path),) = files.items()
    target = folder / "lenet_pytorch_csinva"
    target.mkdir()
    path.rename(target / name)


def wake_word_inputs(files: Mapping[str, Path], folder: Path) -> None:
    ((origin, path),) = files.items()
    with np.load(path) as values:
        held = [values[name] for name in values.files if values[name].dtype.kind == "f"]
    write_found(held, folder, "kws_speech_commands/sww_calibration_45.npz", origin)
