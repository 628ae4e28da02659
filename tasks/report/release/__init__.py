"""The page of a release: what the model is, what it was trained on, what was shown of it, what it cost, how to run it.

`config`: title. `build`: writes page, headline table and model card. `page`: what each section shows. `tables`: from
counts, records and gates to rows of text. The task is in `tasks/report/task.py`, the templates are `release.html` and
`release_card.md` in `tasks/report/`.
"""
