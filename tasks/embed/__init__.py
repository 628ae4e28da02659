"""Last-token states of a panel's sentences, in float32."""
