"""Number formats: torch's name, safetensors' name, torch's storage class and bytes per item."""

_FORMATS = (
    ("float64", "F64", "DoubleStorage", 8),
    ("float32", "F32", "FloatStorage", 4),
    ("float16", "F16", "HalfStorage", 2),
    ("bfloat16", "BF16", "BFloat16Storage", 2),
    ("int64", "I64", "LongStorage", 8),
    ("int32", "I32", "IntStorage", 4),
    ("int16", "I16", "ShortStorage", 2),
    ("int8", "I8", "CharStorage", 1),
    ("uint8", "U8", "ByteStorage", 1),
    ("bool", "BOOL", "BoolStorage", 1),
)
TORCH_DTYPES = {torch_name: dtype for torch_name, dtype, _, _ in _FORMATS}
STORAGES = {storage: dtype for _, dtype, storage, _ in _FORMATS}
ITEM_BYTES = {dtype: n_bytes for _, dtype, _, n_bytes in _FORMATS}
REFUSED_DTYPES = (
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float4_e2m1fn_x2",
)
"""torch's names of quantized formats, whose numbers mean nothing without their scales."""
