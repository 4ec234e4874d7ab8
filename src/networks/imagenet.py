"""How the pictures of ImageNet are normalized (mean and scale of red, green and blue), and the pixels of a side."""

MEAN, SCALE, SIDE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224
