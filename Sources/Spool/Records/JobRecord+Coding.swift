import Documents
import Manifests

/// `state.json`; the same keys in `stadectl show --json`.
extension JobRecord: Coded {
    package mutating func code(_ coder: inout NodeCoder) {
        coder.derived("version", 1)
        coder.known("id", id)
        coder.required("name", &name)
        coder.required("file", &file)
        // The directory's is right where the file says otherwise.
        coder.derived("state", state)
        coder.required("uid", &uid)
        coder.required("submitted", &submitted, where: isTime)
        coder.derived("since", since)
        coder.member("priority", &priority, within: -1000...1000)
        coder.member("executor", &executor)
        coder.rare("slurm", &submission)
        coder.member("attempts", &attempts, within: 0...1_000_000)
        coder.member("deferrals", &deferrals, within: 0...1_000_000)
        coder.member("retry_after", &retryAfter, where: isTime)
        coder.member("reason", &reason)
        coder.member("exit_code", &exitCode)
        coder.member("resumed", &resumed)
        coder.member("peak_memory_bytes", &peakMemory) { $0 >= 0 }
        coder.member("memory_needed_bytes", &memoryNeeded) { $0 > 0 }
        coder.member("changes", &changes)
        changes = changes.suffix(Self.maximumChanges)
    }

    /// - Parameters:
    ///   - id: the directory's name.
    ///   - state: the directory's.
    ///   - path: for messages.
    init(_ node: Node, id: String, state: JobState, path: String) throws(DocumentError) {
        self.init(id: id, state: state, name: id, file: "", uid: .max, submitted: 0)
        let coder = read(node)
        guard coder.isWhole, coder.contradiction == nil else {
            let other = coder.isWhole ? coder.contradiction : nil
            throw DocumentError(
                file: path, position: nil,
                reason: other.map {
                    "is the state of another job, \($0.summary); it was damaged"
                } ?? "is not a job's state; it was damaged", exitCode: .io)
        }
    }
}

extension JobRecord.Place: CodedValue {
    package static let blank = JobRecord.Place(block: 0, blocks: 0)

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("block", &block) { (0..<1 << 32).contains($0) }
        coder.required("blocks", &blocks) { [block] in $0 >= block }
    }
}

extension JobRecord.Submission: CodedValue {
    package static let blank = JobRecord.Submission(count: 0)

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("submission", &count) { (0..<1 << 32).contains($0) }
        coder.member("job", &number) { $0 > 0 }
    }
}

extension JobRecord.Change: CodedValue {
    package static let blank = JobRecord.Change(state: .queued, time: 0, reason: nil)

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("state", &state)
        coder.required("time", &time, where: isTime)
        coder.member("reason", &reason)
    }
}

extension JobState: NodeValue {}

extension Executor: NodeValue {}

/// Whether a number can be a Unix time in seconds, of these centuries.
private func isTime(_ number: Double) -> Bool { (0..<1e11).contains(number) }
