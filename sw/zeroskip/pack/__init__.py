"""Kept weights and bitmaps → memory images, and back."""

from .program import pack
from .unpack import unpack

__all__ = ["pack", "unpack"]
