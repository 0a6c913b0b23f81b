import Documents

/// An object of the report, or of a file that has some of its numbers.
package protocol ReportPart: CodedValue, Sendable {
    /// Of which nothing is known.
    init()
}

extension ReportPart {
    package static var blank: Self { Self() }
}
