"""What a training needs, computed from a base's config.json: no weight is loaded.

`sizes` counts parameters, `targets` those that are trained, `memory` predicts bytes, `speed` hours and MFU, `step_time`
what a step's time is bound by.
"""
