"""The refusals of zeroskip. Each is one clear line that says where the fault is and which rule is broken."""


class ZeroskipError(Exception):
    """Base of every error that zeroskip raises on purpose. ``exit_status`` is the exit status of the command line."""

    exit_status = 2


class InputError(ZeroskipError, ValueError):
    """The user's model, data, option or file breaks a rule. The message names the rule and says what is allowed."""


class UnsupportedError(InputError):
    """The model holds operators that cannot be built. The message lists all of them by node name.

    clauses : one for each, ``operator 'name': reason``
    """

    def __init__(self, *clauses: str) -> None:
        super().__init__("; ".join(clauses))
        self.clauses = clauses


class ImageError(InputError):
    """A saved design is incomplete, altered, or of another version."""


class CapacityError(InputError):
    """The network or design does not fit the array or the part. The message gives both figures."""


class ToolMissingError(ZeroskipError):
    """An external program is absent. The message gives the command that installs it."""


class MismatchError(ZeroskipError):
    """The RTL and the integer reference (or its predicted cycles) disagree."""

    exit_status = 1


class DeviceError(ZeroskipError):
    """A device does not answer as an array in good order does: absent, of another version, refusing its images, or silent."""

    exit_status = 1


def first_line(error: BaseException) -> str:
    """The first line of the message of another program's error, or its type where it has no message."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def typed_line(error: BaseException) -> str:
    """The same behind its type, as ``KeyError: '4'``."""
    kind = type(error).__name__
    return f"{kind}: {first_line(error)}" if str(error) else kind
