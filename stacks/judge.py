"""Judge: the event's own large model, without its endpoint, which is up only while it works."""

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from league.event import Event, LargeEndpoint
from league.jumpstart import REGION, PinnedModel
from league.names import ENDPOINT_LOGS, large_endpoint_name
from stacks.league_stack import LeagueStack
from stacks.sagemaker_access import ExecutionRole

VARIANT = "AllTraffic"
LOADING_SECONDS = 3600  # the most SageMaker allows; 177 GB of weights take their time


class JudgeStack(LeagueStack):
    """Model and endpoint configuration, from which `lease_large_model` makes the endpoint."""

    def __init__(self, scope: Construct, *, event: Event, large: PinnedModel) -> None:
        super().__init__(scope, "Judge", event=event)
        wanted = event.large_endpoint
        assert wanted is not None
        model = self._model(large, wanted)
        configuration = self._configuration(model, wanted, large_endpoint_name(event.name))
        self.publish(LargeEndpointConfigName=configuration.attr_endpoint_config_name)

    def _model(self, large: PinnedModel, wanted: LargeEndpoint) -> sagemaker.CfnModel:
        role = ExecutionRole(
            self, "HostingRole", image=large.inference_image, log_prefix=ENDPOINT_LOGS
        )
        role.may_read_jumpstart(large.inference_weights_uri)
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role.role_arn,
            enable_network_isolation=True,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=self._here(large.inference_image),
                environment={
                    **large.inference_environment,
                    "OPTION_MAX_MODEL_LEN": str(wanted.max_model_length),
                },
                model_data_source=self._weights(large, accept_eula=wanted.eula.accepted),
            ),
        )
        model.node.add_dependency(role)  # SageMaker tries the role when the model is created
        return model

    def _weights(
        self, large: PinnedModel, *, accept_eula: bool
    ) -> sagemaker.CfnModel.ModelDataSourceProperty:
        return sagemaker.CfnModel.ModelDataSourceProperty(
            s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
                s3_uri=self._here(large.inference_weights_uri),
                s3_data_type="S3Prefix",
                compression_type="None",
                model_access_config=sagemaker.CfnModel.ModelAccessConfigProperty(
                    accept_eula=accept_eula
                ),
            )
        )

    def _configuration(
        self, model: sagemaker.CfnModel, wanted: LargeEndpoint, name: str
    ) -> sagemaker.CfnEndpointConfig:
        return sagemaker.CfnEndpointConfig(
            self,
            "EndpointConfig",
            endpoint_config_name=name,
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=model.attr_model_name,
                    instance_type=wanted.instance_type,
                    initial_instance_count=1,
                    initial_variant_weight=1,
                    model_data_download_timeout_in_seconds=LOADING_SECONDS,
                    container_startup_health_check_timeout_in_seconds=LOADING_SECONDS,
                )
            ],
        )

    def _here(self, address: str) -> str:
        return address.replace(REGION, self.region)
