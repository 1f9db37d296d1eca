"""PrefEval: does a model follow a preference that was stated some turns ago?"""
