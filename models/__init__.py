"""Architectures: plain `torch.nn.Module`s, hybrid and classical, without training code."""
