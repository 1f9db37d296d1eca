"""Generation engines that combine several models, or that follow a judge, while decoding."""
