"""The domain of an AI League: values in, values out, no cloud and no I/O at import."""
