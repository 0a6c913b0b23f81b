import Posix

/// What is smaller and faster, and in which words: weights that are zero are still there, channels
/// that were taken out are not.
extension ReportContents {
    /// Widths that became smaller, e.g. `intermediate_size 1536 → 1120`; those that stay are left
    /// out.
    var widths: [(name: String, dense: Int, pruned: Int)] {
        guard let dense = channels?["dense"]?.members, let pruned = channels?["pruned"] else {
            return []
        }
        return dense.compactMap { member in
            guard let before = member.value.integer, let after = pruned[member.key]?.integer,
                before != after
            else { return nil }
            return (member.key, before, after)
        }
    }

    /// Why heads stay although they were asked for.
    var headsKept: String? { channels?["heads_kept"]?.string }

    private var isSmaller: Bool { channels != nil }

    /// What the weights that went are called in tables and charts.
    var goneName: String { isSmaller ? "weights gone" : "zeros" }

    var goneText: String {
        isSmaller
            ? "of the weights in its blocks are gone" : "of the weights in its blocks are zero"
    }

    /// What the share of weights does to file and speed.
    var fileNote: String {
        isSmaller
            ? "The output is a smaller dense model: there is less to store and to compute."
            : "The output is a dense file: zeros are stored, so it is as large and as fast as before "
                + "wherever they are not skipped."
    }

    /// Bytes of the tensors before and after.
    var bytes: (dense: Int, pruned: Int)? {
        guard let dense = cost["bytes_dense"], let pruned = cost["bytes_pruned"] else { return nil }
        return (dense, pruned)
    }

    /// Tokens of the evaluation per second through the blocks of both models.
    var tokensPerSecond: (dense: Double, pruned: Double)? {
        guard let dense = speed?["dense_tokens_per_second"]?.double,
            let pruned = speed?["pruned_tokens_per_second"]?.double, dense > 0
        else { return nil }
        return (dense, pruned)
    }

    /// Facts for the page: name, value and note as markup.
    var sizeFacts: [(String, String, String)] {
        var facts: [(String, String, String)] = []
        if let bytes {
            let nonzero =
                isSmaller
                ? nil : cost["bytes_nonzero"].map { "\(data($0, size($0))) without zeros" }
            let before = "of \(data(bytes.dense, size(bytes.dense)))"
            facts.append(
                (
                    "size on disk", data(bytes.pruned, size(bytes.pruned)),
                    [before, nonzero].compactMap(\.self).joined(separator: ", ")
                ))
        }
        if let after = cost["parameters_pruned"] {
            let before = parameters.map { "of \(data($0, grouped($0)))" }
            facts.append(("parameters", data(after, grouped(after)), before ?? ""))
        }
        if let speed = tokensPerSecond {
            facts.append(
                (
                    "tokens a second", data(speed.pruned, rounded(speed.pruned)),
                    "of \(data(speed.dense, rounded(speed.dense))), "
                        + "\(fixed(speed.pruned / speed.dense, 2)) times, through the blocks in this job"
                ))
        }
        for width in widths {
            facts.append(
                (
                    "<code>\(markup(width.name))</code>",
                    data(width.pruned, grouped(width.pruned)),
                    "of \(data(width.dense, grouped(width.dense)))"
                ))
        }
        return facts
    }

    /// Lines for a terminal: name and text.
    var sizeLines: [(String, String)] {
        var lines: [(String, String)] = []
        if let bytes {
            let note = isSmaller ? "" : ": zeros are stored"
            lines.append(
                ("size", "\(size(bytes.dense)) dense, \(size(bytes.pruned)) pruned\(note)"))
        }
        if let speed = tokensPerSecond {
            lines.append(
                (
                    "speed",
                    "\(short(speed.dense, digits: 3)) tokens/s dense, "
                        + "\(short(speed.pruned, digits: 3)) pruned "
                        + "(\(fixed(speed.pruned / speed.dense, 2)) times)"
                ))
        }
        for width in widths {
            lines.append((width.name, "\(width.dense) dense, \(width.pruned) pruned"))
        }
        if let headsKept { lines.append(("heads", "kept: \(headsKept)")) }
        return lines
    }
}
