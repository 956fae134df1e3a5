"""The embedded cloud: AWS on one laptop, with no account and no Docker. Never shipped.

launcher    synthesize, start, deploy, stop:  python -m local
engine      ministack (CloudFormation, S3, Lambda, Step Functions, ...) with our plug-in
standins    SageMaker, SageMaker Runtime and Bedrock Runtime
model       the small model that the stand-ins train and serve
"""
