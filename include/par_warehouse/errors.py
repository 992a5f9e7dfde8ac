"""Errors that a person is meant to read: one plain sentence saying what happened, where, and what to do."""


class ParError(Exception):
    """A failure with a known cause; its text is the whole message and repeating the step alone will not help."""


class Unreachable(ParError):
    """A place or a system cannot be reached now. Trying again later may help; a night carries forward at last."""


class RunFailed(ParError):
    """The run for a data date cannot be published (export contract, level "run")."""


class PipelineError(ParError):
    """The warehouse itself is at fault (for example a rule that could not be evaluated), not the delivered data."""
