"""An ONNX file becomes a torch module, which is captured like any other."""
