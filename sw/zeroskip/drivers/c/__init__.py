"""The C driver, as text. :mod:`zeroskip.drivers.files` gives it together with a design's own header."""
