/// What tells an output from the others of its job, in its progress.
package struct OutputLabel: Sendable, Hashable {
    /// nil where the job has one.
    var method: String?
    var sparsity: Double?
}
