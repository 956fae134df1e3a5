"""What AWS asks for the things that an event uses, in USD."""

# Per instance-hour, us-east-1, on demand (AWS price list, 2026-11).
PRICE_PER_HOUR = {
    "ml.g5.xlarge": 1.41,
    "ml.g5.2xlarge": 1.52,
    "ml.g5.4xlarge": 2.03,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.48xlarge": 20.36,
}
# Per million tokens, input and output, us-east-1, on demand (Amazon Bedrock pricing, 2026-11).
PRICE_PER_MILLION_TOKENS = {
    "amazon.nova-lite-v1:0": (0.06, 0.24),
    "amazon.nova-pro-v1:0": (0.80, 3.20),
    "meta.llama3-3-70b-instruct-v1:0": (0.72, 0.72),
    "meta.llama4-maverick-17b-instruct-v1:0": (0.24, 0.97),
}


def price_per_million_tokens(model: str) -> tuple[float, float] | None:
    """USD of a million input and output tokens of a Bedrock model; None when it is not known.

    A profile such as `us.amazon.nova-pro-v1:0` costs what its model does.
    """
    foundation = model.partition(".")[2]
    return PRICE_PER_MILLION_TOKENS.get(model) or PRICE_PER_MILLION_TOKENS.get(foundation)


def tokens_cost(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """USD for a Bedrock model's tokens; None when its price is not known."""
    price = price_per_million_tokens(model)
    if price is None:
        return None
    of_input, of_output = price
    return round((of_input * input_tokens + of_output * output_tokens) / 1_000_000, 6)
