"""Figures of the page as SVG text.

drawing: style and shared marks. reference: premiums and draws of the reference contract. robust: premiums, the
decomposition, controls. corpus: documents over time. training: loss curves.
"""
