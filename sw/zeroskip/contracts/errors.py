"""The refusals of zeroskip: one clear line each, which says where the fault is and which rule it broke."""


class ZeroskipError(Exception):
    """Base of every error that zeroskip raises on purpose; ``exit_status`` is the command line's."""

    exit_status = 2


class InputError(ZeroskipError, ValueError):
    """The user's model, data, option or file breaks a rule; the message names which and what is allowed."""


class UnsupportedError(InputError):
    """The model holds operators that cannot be built; the message lists all of them by node name."""


class ImageError(InputError):
    """A saved design is incomplete, altered, or of another version."""


class CapacityError(InputError):
    """The network or design does not fit the array or the part; the message gives both figures."""


class ToolMissingError(ZeroskipError):
    """An external program is absent; the message gives the command that installs it."""


class MismatchError(ZeroskipError):
    """The RTL and the integer reference (or its predicted cycles) disagree."""

    exit_status = 1
