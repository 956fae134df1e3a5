"""The fields of each state, as tables (Amazon States Language, JSONata).

A field that AWS knows and the engine does not do is in REFUSED with the reason; any other unknown
field is a mistake on AWS too.
"""

from __future__ import annotations

MACHINE = frozenset({"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"})
PROCESSOR = frozenset({"Comment", "ProcessorConfig", "StartAt", "States"})
BRANCH = frozenset({"Comment", "StartAt", "States"})

_COMMON = frozenset({"Type", "Comment", "QueryLanguage"})
_FLOW = frozenset({"Next", "End"})
_RESULT = frozenset({"Output", "Assign"})
_FAILURE = frozenset({"Retry", "Catch"})

STATES = {
    "Pass": _COMMON | _FLOW | _RESULT,
    "Task": _COMMON
    | _FLOW
    | _RESULT
    | _FAILURE
    | {"Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds"},
    "Choice": _COMMON | _RESULT | {"Choices", "Default"},
    "Wait": _COMMON | _FLOW | _RESULT | {"Seconds", "Timestamp"},
    "Succeed": _COMMON | {"Output"},
    "Fail": _COMMON | {"Error", "Cause"},
    "Parallel": _COMMON | _FLOW | _RESULT | _FAILURE | {"Branches", "Arguments"},
    "Map": _COMMON
    | _FLOW
    | _RESULT
    | _FAILURE
    | {"Items", "ItemProcessor", "ItemSelector", "MaxConcurrency"},
}
REQUIRED = {
    "Pass": (),
    "Task": ("Resource",),
    "Choice": ("Choices",),
    "Wait": (),
    "Succeed": (),
    "Fail": (),
    "Parallel": ("Branches",),
    "Map": ("ItemProcessor", "MaxConcurrency"),
}
RETRIER = frozenset({
    "Comment", "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds",
    "JitterStrategy",
})  # fmt: skip
CATCHER = frozenset({"Comment", "ErrorEquals", "Next", "Output", "Assign"})
CHOICE = frozenset({"Comment", "Condition", "Next", "Output", "Assign"})

_PATHS = "is JSONPath, and the engine runs JSONata only"
_DISTRIBUTED = "belongs to a Distributed Map, which the engine does not run"
REFUSED = {
    **dict.fromkeys(
        ("InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters", "ItemsPath",
         "SecondsPath", "TimestampPath", "TimeoutSecondsPath", "HeartbeatSecondsPath",
         "ErrorPath", "CausePath", "MaxConcurrencyPath", "Variable", "Result"),
        _PATHS,
    ),
    **dict.fromkeys(
        ("ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "Label",
         "ToleratedFailurePercentage"),
        _DISTRIBUTED,
    ),
    "Iterator": "is the old name of ItemProcessor",
    "Credentials": "needs a second account, which the engine does not have",
}  # fmt: skip
