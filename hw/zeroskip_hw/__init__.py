"""The sparse MAC array in Amaranth. A function of :class:`zeroskip.contracts.config.ArrayConfig` alone."""
