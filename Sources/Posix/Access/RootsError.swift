/// A path that a manifest may not name, or that is not there.
package struct RootsError: Failure, Hashable {
    package enum Reason: Hashable, Sendable {
        /// Empty, or with a NUL.
        case malformed
        case parentReference
        case outside(roots: [String])
        /// `at` is the path on which, or on the way to which, a symbolic link lies.
        case link(at: String)
        /// A link inside a directory that may be read leads out of the root.
        case linkOutside(root: String)
        case tooManyLinks(Int)
        case notFound(places: [String])
        case noParent(places: [String])
        case notDirectory(String)
        case notFile(String)
        /// An output that is a root itself, or has no name of its own.
        case noName
        /// The submitter lacks a right that the daemon has; `verb` says what for.
        case denied(at: String, user: String, verb: String)
    }

    /// As the manifest has it.
    package let path: String
    package let reason: Reason

    package var exitCode: ExitCode {
        switch reason {
        case .malformed, .noName: .configuration
        case .parentReference, .outside, .link, .linkOutside, .tooManyLinks, .denied: .notPermitted
        case .notFound, .notDirectory, .notFile: .noInput
        case .noParent: .cannotCreate
        }
    }

    package var description: String {
        let text = escaped(path)
        switch reason {
        case .malformed: return "\"\(text)\" is not a path"
        case .parentReference:
            return "\(text): \"..\" is not allowed in a path; write where it leads"
        case .outside(let roots):
            return "\(text) is not under an allowed root (\(list(roots, "none is set")))"
        case .link(let at):
            return "\(escaped(at)): symbolic links are not followed below an allowed root; "
                + "name the file itself or copy it there"
        case .linkOutside(let root):
            return "\(text): is a symbolic link that leads out of the allowed root "
                + "\(escaped(root)); copy the file that it names to its place"
        case .tooManyLinks(let most):
            return "\(text): holds more than \(most) symbolic links; copy the model without links "
                + "('cp -rL')"
        case .notFound(let places):
            return "\(text): not found; looked for \(list(places, "nothing"))\(advice)"
        case .noParent(let places):
            return "\(text): the directory that would hold it does not exist; looked for "
                + "\(list(places, "nothing")); "
                + "\(advice.isEmpty ? "create it first" : String(advice.dropFirst(2)))"
        case .notDirectory(let at): return "\(escaped(at)) is not a directory"
        case .notFile(let at): return "\(escaped(at)) is not a regular file"
        case .noName: return "\(text) does not name a new directory inside an allowed root"
        case .denied(let at, let user, let verb):
            return "\(escaped(at)): \(user), who owns the manifest, may not \(verb) it; "
                + "ask its owner for access, or name another path"
        }
    }

    /// What is wrong with the path's own text, where that is plain to see.
    private var advice: String {
        if path.contains("://") {
            return "; it is an address, not a path: download what it names first"
        }
        if path.hasPrefix("~") { return "; '~' means nothing here: write the whole path" }
        if path.contains("$") || path.contains("%HOME%") {
            return "; variables such as $HOME mean nothing here: write the whole path"
        }
        let spaces: Set<Character> = [" ", "\t", "\n", "\r", "\u{A0}"]
        if let first = path.first, let last = path.last,
            spaces.contains(first) || spaces.contains(last)
        {
            return "; it begins or ends with a space: is that meant?"
        }
        if path.contains("\\") { return "; separate directories by '/', not by '\\'" }
        if path.hasPrefix("\"") || path.hasPrefix("'") { return "; it has quotes inside" }
        return ""
    }

    private func list(_ paths: [String], _ none: String) -> String {
        paths.isEmpty ? none : paths.map { escaped($0) }.joined(separator: ", ")
    }
}
