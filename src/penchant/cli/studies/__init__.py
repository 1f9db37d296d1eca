"""Commands of ``penchant lab``: small studies and games."""
