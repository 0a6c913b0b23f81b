/// A command line taken apart: options as getopt_long(3) has them, `--name value` or
/// `--name=value`, in any order with what is no option; `--` ends the options.
struct Arguments {
    private(set) var flags: Set<String> = []
    private(set) var values: [String: String] = [:]
    private(set) var operands: [String] = []

    /// - Parameters:
    ///   - flags: options without a value, with their dashes.
    ///   - valued: options with one.
    ///   - program: for messages.
    init(
        _ words: [String], flags: [String], valued: [String], program: String
    ) throws(UsageError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                operands.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = word == "-h" ? "--help" : String(parts[0])
            if flags.contains(name) {
                if parts.count > 1 {
                    throw UsageError(reason: "the option \(name) takes no value", program: program)
                }
                self.flags.insert(name)
            } else if valued.contains(name) {
                guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
                    throw UsageError(reason: "the option \(name) needs a value", program: program)
                }
                values[name] = value
            } else {
                throw UsageError.unknown("option", name, among: flags + valued, program)
            }
        }
    }

    /// The only operand.
    func operand(_ what: String, _ program: String) throws(UsageError) -> String {
        guard let first = operands.first else {
            throw UsageError(reason: "\(what) is missing", program: program)
        }
        try refuseOperands(after: 1, program)
        return first
    }

    func refuseOperands(after count: Int = 0, _ program: String) throws(UsageError) {
        if operands.count > count {
            throw UsageError(
                reason: "'\(operands[count])' is one argument too many", program: program)
        }
    }
}
