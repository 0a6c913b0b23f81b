/// Makes durable what an output's writer has taken up until it was made, for one snapshot. In the
/// meantime a stop of the job ends none of that.
final class OutputSync: Sendable {
    private let writer: OutputWriter

    /// Of the output.
    var path: String { writer.output.path }

    init(_ writer: OutputWriter) {
        self.writer = writer
        writer.hold()
    }

    deinit { writer.release() }

    /// - Parameter withNames: every file and directory, not only the tensors.
    func run(withNames: Bool) throws { try writer.sync(withNames: withNames) }
}
