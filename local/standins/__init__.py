"""SageMaker, SageMaker Runtime and Bedrock Runtime on one loopback port, for the embedded cloud.

The engine of the embedded cloud has no SageMaker; this service answers in its place, so that the
product's own state machines and functions train, host and judge without an AWS account. It hosts
exactly one family of models, the shipped `stand-in-llama`, and refuses everything else: it
never pretends to be Llama 3.2. What it cannot do it refuses by name rather than ignore.

    python -m local.standins --port 4600 --data build/standins --settings '{"training_workers": 2}'

Reading order:

    server      HTTP and the control routes;  rest  requests and answers in AWS's protocols
    service     every operation's name and the function that answers it
    checks      requests against botocore's service models, in SageMaker's words
    errors      what AWS answers when it refuses, with the source of each text
    store       what exists, its tags, lists in pages;  instances  quotas
    training    CreateTrainingJob ... ListTrainingJobs;  training_job  what is known of one
                training_run  its container, from data to model
    hosting     models and endpoint configurations;  endpoints  Creating to gone
    images      which container images are accepted
    inference   InvokeEndpoint;  bedrock  Converse;  answering  who stands behind them
    batching    requests answered together;  model_host  the process that does;  judging  verdicts
    cloud       S3 and CloudWatch Logs of the engine
    faults      failures on demand
    settings    every knob, with `--help`
"""
