import Pruning

extension Manifest {
    /// The paths of all outputs, by method and then by sparsity: `output` as it stands for one,
    /// with what differs behind it for more.
    package var outputPaths: [String] {
        var base = output[...]
        while base.count > 1, base.hasSuffix("/") { base.removeLast() }
        return prune.methods.flatMap { method in
            prune.sparsity.map { sparsity in
                let names =
                    (prune.methods.count > 1 ? [method.name] : [])
                    + (prune.sparsity.count > 1 ? ["\(sparsity)"] : [])
                return names.isEmpty ? output : ([String(base)] + names).joined(separator: "-")
            }
        }
    }
}
