/// A path in the source tree, from its root.
package func sourcePath(_ relative: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/" + relative
}

/// A file of the small models with which the pipeline is compared with PyTorch.
package func fixturePath(_ relative: String) -> String {
    sourcePath("Tests/PipelineTests/Fixtures/" + relative)
}
