"""The sparse MAC array in Amaranth. A function of :class:`zeroskip.spec.config.ArrayConfig` alone."""
