"""Kept weights and bitmaps → memory images, and back."""

from .program import pack, unpack

__all__ = ["pack", "unpack"]
