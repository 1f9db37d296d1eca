"""What commands and documentation show of recipes: their groups, names of papers, and what a round costs."""
