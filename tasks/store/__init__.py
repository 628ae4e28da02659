"""Content-addressed artifacts on a folder or S3: blobs by sha256, and a sealed record per artifact, written last.

Names and records: refs, records, sealed, record_files, digests, errors. Objects: objects (the protocol),
folder_objects, s3_objects, s3_client, connect. Bytes: blobs, parallel, uploads, downloads. Artifacts: store (publish,
find, fetch), publication (which record counts), build, rebuild, staging. By address: address (open_artifact),
filesystem (`hindsight://` for fsspec) with artifact_file and read_only. Maintenance: catalogue, audit, findings, gc,
forget, export, cli. Rented machines: leases, receipts.
"""
