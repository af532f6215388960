"""The convolutional networks, by name."""

from __future__ import annotations

from tests.networks.digits import LENET5_WEIGHTS, lenet5
from tests.networks.images import CIFAR, resnet8, resnet20, vww
from tests.networks.network import Source
from tests.networks.speech import ds_cnn, sww

CONVOLUTIONAL = {
    "ResNet-8": Source(("mlperf_tiny/resnet8_cifar10.npz", *CIFAR), resnet8, lanes=8, columns=8, epilogues=1, samples=20),
    "DS-CNN": Source(
        ("mlperf_tiny/kws_dscnn.npz", "kws_speech_commands/kws01_1000.npz"), ds_cnn, lanes=8, columns=8, epilogues=2, samples=20
    ),
    "MobileNetV1-0.25": Source(("mlperf_tiny/vww_mobilenet.npz", *CIFAR), vww, lanes=8, columns=8, epilogues=4, samples=2),
    "streaming wake word": Source(
        ("mlperf_tiny/sww_streaming_wakeword.npz", "kws_speech_commands/sww_calibration_45.npz"), sww, lanes=8, columns=8, epilogues=4, samples=45
    ),
    "LeNet-5": Source((LENET5_WEIGHTS, "mnist"), lenet5, lanes=8, columns=8, epilogues=2, samples=50),
    "ResNet-20": Source(("resnet20_cifar10/resnet20.npz", *CIFAR), resnet20, lanes=8, columns=8, epilogues=1, samples=5),
}  # fmt: skip
