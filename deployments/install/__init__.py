"""Installs the project's environments from pinned, hashed lists; runs before anything is installed.

environment: the steps, and the marker of a complete environment. installer: uv, or pip where there is no uv.
pip_settings: pip's indexes, certificates and constraints, for uv. `python -m deployments.install NAME` is what
`make install` calls. Everything here needs the standard library only.
"""
