"""What is deployed: one module per stack, plus the few shared constructs."""
