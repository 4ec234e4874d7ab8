"""The normalization of ImageNet's pictures (mean and scale of red, green and blue), and their side in pixels."""

MEAN, SCALE, SIDE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224
