"""A small CDK app with everything of AWS that the product rests on: `python engine_app.py`."""

import json
import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

HERE = Path(__file__).resolve().parent
LAYER = "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-arm64:38"
TEXT = {"application/json": json.dumps({"title": "Unauthorized", "status": 401})}


class Storage(cdk.Stack):
    def __init__(self, scope):
        super().__init__(scope, "Storage")
        destroy = cdk.RemovalPolicy.DESTROY
        key = kms.Key(self, "Key", removal_policy=destroy)
        self.bucket = s3.Bucket(
            self, "Uploads", versioned=True, enforce_ssl=True, encryption_key=key,
            encryption=s3.BucketEncryption.KMS, removal_policy=destroy,
        )  # fmt: skip
        self.bucket.node.default_child.notification_configuration = (
            s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )
        )
        self.table = dynamodb.Table(
            self, "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            time_to_live_attribute="expires",
            removal_policy=destroy,
        )  # fmt: skip
        self.pool = cognito.UserPool(self, "Pool", removal_policy=destroy)
        client = self.pool.add_client("Client", auth_flows=cognito.AuthFlow(user_password=True))
        cdk.CfnOutput(self, "PoolId", value=self.pool.user_pool_id)
        cdk.CfnOutput(self, "ClientId", value=client.user_pool_client_id)
        cdk.CfnOutput(self, "Bucket", value=self.bucket.bucket_name)
        cdk.CfnOutput(self, "TableName", value=self.table.table_name)


class Work(cdk.Stack):
    def __init__(self, scope, storage):
        super().__init__(scope, "Work")
        self.code = lambda_.Code.from_asset(str(HERE / "engine_functions"))
        self.layer = lambda_.LayerVersion.from_layer_version_arn(self, "Layer", LAYER)
        self.storage = storage
        work = self._function("work")
        note = self._function("note")
        storage.table.grant_write_data(note)
        self._triggers(note)
        self._machines(work)
        self._api()
        work.add_to_role_policy(
            iam.PolicyStatement(
                actions=["bedrock:InvokeModel"],
                resources=[f"arn:aws:bedrock:{self.region}::foundation-model/allowed.model-v1:0"],
            )
        )
        self._model()
        cdk.CfnOutput(self, "WorkFunction", value=work.function_name)

    def _function(self, name):
        return lambda_.Function(
            self, name.capitalize(), runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64, handler=f"handler.{name}", code=self.code,
            layers=[self.layer], timeout=cdk.Duration.seconds(5), memory_size=256,
            environment={"TABLE": self.storage.table.table_name},
        )  # fmt: skip

    def _triggers(self, note):
        events.Rule(
            self, "Uploaded",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [self.storage.bucket.bucket_name]},
                    "object": {"key": [{"prefix": "uploads/"}]},
                },
            ),
            targets=[targets.LambdaFunction(note, retry_attempts=2)],
        )  # fmt: skip
        tick = events.RuleTargetInput.from_object({"detail": {"object": {"key": "tick"}}})
        events.Rule(
            self, "EachMinute", schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            targets=[targets.LambdaFunction(note, event=tick)],
        )  # fmt: skip
        of_board = {"dynamodb": {"Keys": {"pk": {"S": ["board"]}}}}
        note.add_event_source(
            sources.DynamoEventSource(
                self.storage.table, starting_position=lambda_.StartingPosition.LATEST,
                filters=[of_board and lambda_.FilterCriteria.filter(of_board)],
                on_failure=sources.SqsDlq(sqs.Queue(self, "DeadLetters")),
            )
        )  # fmt: skip

    def _machines(self, work):
        text = (HERE / "engine_functions" / "work.asl.json").read_text()
        role = iam.Role(self, "JobRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        other = iam.Role(
            self, "OtherRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
        )
        machine = sfn.StateMachine(
            self, "Machine", definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions={"WorkFunction": work.function_arn},
        )  # fmt: skip
        work.grant_invoke(machine)
        iam.Policy(
            self, "Wakers", roles=[work.role],
            statements=[
                iam.PolicyStatement(
                    actions=["states:SendTaskSuccess"], resources=[machine.state_machine_arn]
                )
            ],
        )  # fmt: skip
        self.storage.bucket.grant_read_write(machine, "kept/*")
        jobs = f"arn:aws:sagemaker:{self.region}:{self.account}:training-job/lg-*"
        actions = [f"sagemaker:{verb}TrainingJob" for verb in ("Create", "Describe", "Stop")]
        machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[jobs]))
        machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"], resources=[role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )  # fmt: skip
        for name, value in {"Machine": machine.state_machine_arn, "JobRole": role.role_arn,
                            "OtherRole": other.role_arn}.items():  # fmt: skip
            cdk.CfnOutput(self, f"{name}Arn", value=value)

    def _api(self):
        gateway = apigateway.RestApi(self, "Gateway", cloud_watch_role=False)
        authorizer = apigateway.CognitoUserPoolsAuthorizer(
            self, "Authorizer", cognito_user_pools=[self.storage.pool]
        )
        integration = apigateway.LambdaIntegration(self._function("api"), allow_test_invoke=False)
        gateway.root.add_resource("{proxy+}").add_method(
            "ANY", integration, authorizer=authorizer,
            authorization_type=apigateway.AuthorizationType.COGNITO,
        )  # fmt: skip
        gateway.root.add_resource("open").add_method("GET", integration)
        headers = {"Content-Type": "'application/problem+json'"}
        for name in ("UNAUTHORIZED", "MISSING_AUTHENTICATION_TOKEN"):
            gateway.add_gateway_response(
                name, type=apigateway.ResponseType.of(name), status_code="401",
                response_headers=headers, templates=TEXT,
            )  # fmt: skip

    def _model(self):
        image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.31.0"
        model = sagemaker.CfnModel(
            self, "Model", execution_role_arn=f"arn:aws:iam::{self.account}:role/any",
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(image=image),
        )  # fmt: skip
        cdk.CfnOutput(self, "ModelName", value=model.attr_model_name)


app = cdk.App(outdir=os.environ.get("CDK_OUTDIR"), analytics_reporting=False)
if app.node.try_get_context("event") == "broken":
    stack = cdk.Stack(app, "Broken")
    cdk.CfnResource(
        stack, "Group", type="AWS::Rekognition::Collection", properties={"CollectionId": "faces"}
    )
elif app.node.try_get_context("event") == "refused":
    stack = cdk.Stack(app, "Refused")
    processor = {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}
    batched = {"Type": "Map", "ItemBatcher": {}, "ItemProcessor": processor, "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": batched}}
    sfn.StateMachine(
        stack, "Machine", definition_body=sfn.DefinitionBody.from_string(json.dumps(definition))
    )
else:
    storage = Storage(app)
    Work(app, storage)
app.synth()
