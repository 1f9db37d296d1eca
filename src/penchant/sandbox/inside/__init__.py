"""What runs in the sandbox's own processes: the keeper, the cell of one program, the candidate and the examiner.

Everything here is imported before the fences go up, and imports the standard library and `penchant.sandbox` alone.
"""
