"""Commands whose help lists the keys of a recipe, which are read only when the help is asked for."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["OnlineCommand", "RecipeCommand"]


class RecipeCommand(TyperCommand):
    """A command that takes a recipe."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the keys of the recipe by group, each with default and meaning."""
        from penchant.training.key_help import help_text

        formatter.write(f"\nKeys of a recipe, with their defaults:\n\n{help_text(self.recipe())}\n")

    def recipe(self) -> Any:
        """The class of the recipe."""
        from penchant.training.recipe import Recipe

        return Recipe


class OnlineCommand(RecipeCommand):
    """A command that takes the recipe of an online run."""

    def recipe(self) -> Any:
        """See `RecipeCommand.recipe`."""
        from penchant.online.recipe import OnlineRecipe

        return OnlineRecipe
