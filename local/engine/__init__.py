"""ministack with the plug-in that makes it behave like AWS where this product depends on it.

    python -m local.engine --port 4566 --standins-url http://127.0.0.1:4600 --data build/engine

ministack (PyPI, MIT) brings the services; this package adds what it lacks and refuses what it
would silently ignore. Reading order:

    __main__        one process: environment, plug-in, HTTP server
    seam            every private part of ministack that we touch, checked at start
    plugin          the list of everything that is changed
    standins        SageMaker and Bedrock requests passed on to local/standins
    permissions     IAM: actions and resources that ministack does not know, PassRole
    functions       Lambda: real error types, warm globals, response limit
    object_events   S3's events with the object's version
    queries         DynamoDB: a page of a partition without looking at all of it
    frugal          what is done anew for each request and need not be
    resources       CloudFormation: SageMaker types, types that mean nothing locally
    states/         Step Functions: the interpreter's walk, timeouts, integrations, stubs
"""
