"""Every error of the project, in one tree, each naming who reads it and how a command exits.

BudgetMLError
├── BadRequest            the caller: a name or file that does not exist or does not parse (exit 2)
│   ├── UnknownName       task, preset, run, action …
│   ├── InvalidFile       task.yaml, preset, tape, data file
│   └── DataMissing       a task whose data were not prepared
├── Refused               the caller: understood, but not allowed to start (exit 4)
│   ├── ConfigurationError   preset, model, price, key
│   ├── CapTooSmall          the budget does not pay for one call
│   ├── Conflict             the run's state does not allow it now
│   ├── QueueFull            the service has no room for another run for now
│   ├── LimitReached         the token may not have or spend more for now
│   └── CodeNotTrusted       no sandbox may run this program
├── RunFailed             the operator: a started run cannot go on (exit 3)
│   ├── WorkspaceLost        the workspace or its history is gone
│   ├── StorageFull          the disk or database took no more
│   └── Fenced               another process owns the run now
└── ActionFailed          the model: becomes an observation, never leaves a step
"""

from __future__ import annotations


class BudgetMLError(Exception):
    """Base of all errors a person or a model is meant to read."""

    exit_code = 3
    code = "error"


class BadRequest(BudgetMLError):
    """What was asked for does not exist or does not parse."""

    exit_code = 2
    code = "bad_request"


class UnknownName(BadRequest):
    """A task, preset, run, model or action nobody has defined."""

    code = "unknown_name"


class InvalidFile(BadRequest):
    """A file a user wrote (task.yaml, preset, tape, data) cannot be used as it is."""

    code = "invalid_file"


class DataMissing(BadRequest):
    """The task's data have not been prepared."""

    code = "data_missing"


class Refused(BudgetMLError):
    """Understood, but it may not start like this."""

    exit_code = 4
    code = "refused"


class ConfigurationError(Refused):
    """A preset, model, price or key that cannot work."""

    code = "configuration"


class CapTooSmall(Refused):
    """The dollar cap would not pay for a single call."""

    code = "cap_too_small"


class Conflict(Refused):
    """The run stands in a way that does not allow what was asked."""

    code = "conflict"


class QueueFull(Refused):
    """The service has no room for another run for now."""

    code = "queue_full"


class LimitReached(Refused):
    """A token may not have more runs, or spend more, for now."""

    code = "limit_reached"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CodeNotTrusted(Refused):
    """No allowed sandbox can run programs written by a model here."""

    code = "sandbox_unavailable"


class RunFailed(BudgetMLError):
    """A run that had started cannot go on; what it did is kept."""

    code = "run_failed"


class WorkspaceLost(RunFailed):
    """The workspace or its history disappeared under a run."""

    code = "workspace_lost"


class StorageFull(RunFailed):
    """The disk or the database took no more; nothing already stored is lost."""

    code = "storage_full"


class Fenced(RunFailed):
    """Another process has claimed the run; this one must stop writing at once."""

    code = "fenced"


class ActionFailed(BudgetMLError):
    """An action could not be done; the text is the observation the model reads."""

    code = "action_failed"
