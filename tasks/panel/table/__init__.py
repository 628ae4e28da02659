"""Any dated table as a panel: entities for stocks, row's days for trading days, a target of the table's own.

config: the source's settings. template: sentences from columns. read: a file's columns. cells: columns as texts,
numbers and days. rows: the panel's columns of every row, missing values among them. checks: what a table may not hold.
select: drops rows and chooses entities.
"""
