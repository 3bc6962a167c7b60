"""Between bytes on the wire and the model. Pure: bytes in, values or `DecodeError` out."""
