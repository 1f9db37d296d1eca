"""The catalogue world: users, items with titles, ratings from latent factors."""

from penchant.lab.worlds.catalogue.items import Item, make_items
from penchant.lab.worlds.catalogue.world import CatalogueWorld

__all__ = ["CatalogueWorld", "Item", "make_items"]
