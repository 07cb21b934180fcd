"""Metrics of tables: dependence (is each pair of columns kept?), utility, and privacy.

Each of them moves with the number of rows and the kind of data. Print it beside the same figure of real rows that the
model has not seen, and beside that of independent columns, which keep nothing but the single columns.
"""
