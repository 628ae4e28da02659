"""Artifacts: a record written last, blobs by sha256, a local folder or S3 behind one interface."""
