import Documents

extension Manifest {
    /// The keys that change no bit of what a job computes, nor where it puts it.
    package static let indecisive: Set<String> = [
        // In the report, which is written last.
        "name",
        // Whether an older output may go.
        "overwrite",
        // When and where the job runs.
        "priority", "executor",
        // Sums are the same bits for any number of threads, wherever hidden states are.
        "limits.threads", "limits.memory", "limits.time",
    ]

    /// Every key of the manifest but those, `prune.sparsity`, with its value as it was written:
    /// jobs that have the same ones compute the same.
    package var decisive: Node {
        let keys = (document.members ?? []).flatMap { member in
            guard let below = member.value.members else { return [(member.key, member.value)] }
            return below.map { ("\(member.key).\($0.key)", $0.value) }
        }
        return Node(
            object: keys.filter { !Self.indecisive.contains($0.0) }.sorted { $0.0 < $1.0 })
    }
}
