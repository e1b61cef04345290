"""What can keep the stack from running. The text of each is the one line a person reads."""


class StackError(Exception):
    """The stack cannot run: a port is taken, a setting cannot be used, another stack runs here."""


class MissingToolError(StackError):
    """A server has no URL in the environment, no wheel for this platform and no program on PATH."""


class ProcessFailedError(StackError):
    """A process ended, or never became ready, where the stack cannot go on without it."""


class StopRequested(BaseException):
    """Somebody asked the stack to stop while it was waiting; not an error, so nothing may swallow it."""
