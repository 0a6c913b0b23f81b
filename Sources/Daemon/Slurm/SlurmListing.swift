import Posix
import Spool

/// What squeue(1) says of the account's jobs.
struct SlurmListing: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        let number: Int
        let state: SlurmState
        /// Slurm's own word for it.
        let word: String
        let name: String
        /// Where it runs or ran; empty where it did not.
        let node: String
        /// Why it waits, or has ended.
        let reason: String

        /// `FAILED, NonZeroExitCode`.
        var words: String { reason.isEmpty || reason == "None" ? word : "\(word), \(reason)" }
    }

    /// Number, state, owner, name, nodes, reason.
    static let format = "%A|%T|%U|%j|%N|%r"
    private static let maximumEntries = 100_000

    let entries: [Entry]

    /// Lines that are no entry, or are of somebody else's job, are left out.
    /// - Parameter uid: whose jobs count.
    init(_ text: String, uid: UInt32) {
        entries = text.split(separator: "\n").prefix(Self.maximumEntries).compactMap { line in
            let fields = line.split(
                separator: "|", maxSplits: 5, omittingEmptySubsequences: false)
            guard fields.count == 6, let number = Int(fields[0]), number > 0,
                UInt32(fields[2]) == uid, Self.isName(fields[3])
            else { return nil }
            let word = Self.plain(fields[1])
            let reason = Self.plain(fields[5])
            return Entry(
                number: number, state: SlurmState(word, reason: reason), word: word,
                name: String(fields[3]), node: Self.plain(fields[4]), reason: reason)
        }
    }

    /// The job of that number, as long as it has the name: numbers are used again.
    func entry(_ number: Int, named name: String) -> Entry? {
        entries.first { $0.number == number && $0.name == name }
    }

    /// The job of that name; the one that lives, or the latest.
    func entry(named name: String) -> Entry? {
        let all = entries.filter { $0.name == name }
        return all.first { !$0.state.isEnded } ?? all.max { $0.number < $1.number }
    }

    /// Of a name as `JobRecord.submissionName` makes it: the job's id, and which submission it is.
    static func parts(_ name: String) -> (id: String, count: Int)? {
        guard name.hasPrefix("stade-"), let dash = name.lastIndex(of: "-"),
            let count = Int(name[name.index(after: dash)...]),
            name.utf8.count > 6, dash > name.index(name.startIndex, offsetBy: 5)
        else { return nil }
        let id = String(name[name.index(name.startIndex, offsetBy: 6)..<dash])
        return JobIdentifier.isValid(id) ? (id, count) : nil
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func plain(_ text: Substring) -> String { escaped(String(text), limit: 200) }
}
