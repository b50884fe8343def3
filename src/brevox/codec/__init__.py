"""The codec at work: model files, `.sc` files, entropy coding, and the way from a recording to a file and back.

NumPy and ONNX Runtime only; PyTorch is never imported from here.
"""
