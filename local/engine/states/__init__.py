"""Step Functions: how an execution walks its states, closer to AWS than ministack's own walk.

ministack keeps the API (create, start, describe, history, tokens, aliases) and evaluates nothing
of ours silently any more: these modules replace the walk itself, since its machine timeouts,
heartbeats, retries, Parallel, Succeed, variables and iterations differ from AWS (docs/adr).

    definition      what a definition may contain; everything else is refused when it is created
    fields          the fields of each state, as tables
    arguments       a task's arguments against botocore's service model
    execution       one execution from start to end
    walk            states one after the other, in a machine, a branch or an iteration
    retry           Retry and Catch;  fan_out  Parallel and Map;  task  a Task's attempt
    scope           waiting that a timeout or an abort can end
    expressions     JSONata
    tokens          waitForTaskToken
    integrations    the calls, made with the machine's own role;  errors  their names
    stubs           tasks that answer from a test's table
"""
