"""Retrieval: embeddings of texts, hard negatives and their quality, margins and dimensions of embeddings."""
