"""Figures of the page as SVG text.

drawing: style and shared marks. reference: premiums and draws of the reference contract. robust: premiums, the
decomposition, controls. training: documents over time, training loss.
"""
