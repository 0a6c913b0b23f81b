/// Which paths a manifest may name.
package struct Roots: Sendable {
    package enum Rule: Sendable {
        /// The caller's own rights decide; relative paths are below `base`. For the foreground.
        case unrestricted(base: String)
        /// Only below these directories, with no `..`, no symbolic link and no magic link on the way;
        /// relative paths are tried below each in order. For the daemon.
        case below(read: [String], write: [String])
    }

    package let rule: Rule

    package init(_ rule: Rule) { self.rule = rule }
}
