"""Networks for spoken keywords: DS-CNN on MFCCs, and the streaming wake word on mel spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.networks.mlperf_tiny import DSCNN, StreamingWakeWord, tiny
from tests.networks.network import RealNetwork, stored

MFCC_ZERO_POINT, MFCC_SCALE = 83, 0.5847029


def ds_cnn(data: Path) -> RealNetwork:
    """Inputs are 49 windows of 10 MFCCs; every fifth of the 1000 also calibrates, as there are no others."""
    values = stored(data / "kws_speech_commands" / "kws01_1000.npz")
    x = ((values["x_int8"].astype(np.float32) - MFCC_ZERO_POINT) * np.float32(MFCC_SCALE))[:, None]
    return RealNetwork(tiny(data, DSCNN(), "kws_dscnn"), x[::5], x, values["y"].astype(np.int64))


def sww(data: Path) -> RealNetwork:
    """Inputs are 30 windows of 40 mel bands, the bands as channels; the 45 there are also calibrate."""
    values = stored(data / "kws_speech_commands" / "sww_calibration_45.npz")
    x = np.ascontiguousarray(values["specs"].transpose(0, 3, 1, 2))
    return RealNetwork(
        tiny(data, StreamingWakeWord(), "sww_streaming_wakeword"), x, x, values["labels"].astype(np.int64)
    )
