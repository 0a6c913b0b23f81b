/// What an administrator decides: `/etc/stade/staded.yaml`, checked, with every default filled in.
package struct Configuration: Sendable {
    package var spool = "/var/spool/stade"
    package var inbox = "/var/spool/stade/inbox"
    package var roots = Roots()
    package var limits = Limits()
    package var history = History()
    package var log = Level.info

    package init() {}

    /// Where manifests may point to; relative paths are tried below each in order.
    package struct Roots: Sendable {
        package var read: [String] = []
        package var write: [String] = []
    }

    package struct Limits: Sendable {
        package var threads: Int?
        /// In bytes.
        package var memory: Int?
        package var jobs = 1
        package var jobsPerUser: Int?
    }

    /// How many finished jobs are kept, and for how long (seconds).
    package struct History: Sendable {
        package var jobs = 1000
        package var age = 90 * 86400
    }

    package enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }
}
