"""A file that a converter cannot read is refused; a disk that cannot be written is not the file's fault."""

from __future__ import annotations

import errno
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf.message import DecodeError
from tests.data.failures import RefusedError

UNREADABLE = (
    OSError, ValueError, LookupError, EOFError, RuntimeError, AssertionError,
    zlib.error, tarfile.TarError, zipfile.BadZipFile, pickle.UnpicklingError, DecodeError,
)  # fmt: skip

NOT_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}


@contextmanager
def unreadable_is_refused(where: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno in NOT_WRITTEN:
            raise
        raise RefusedError(f"{where}: what came cannot be read ({error or type(error).__name__})") from error
