"""The online recipes as pages: what each chooses, and which names of papers are settings of one."""
