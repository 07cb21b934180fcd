"""One folder a family; every model follows :mod:`sdg_lab.models.contract`."""
