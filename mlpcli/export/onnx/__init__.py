"""A model as an ONNX file: one named input a column, nodes of operators that every runtime since 2022 knows."""
