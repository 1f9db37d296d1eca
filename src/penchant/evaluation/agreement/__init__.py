"""How far raters and judges agree."""
