"""Networks that others have trained on ImageNet: their layers and where their weights are had."""
