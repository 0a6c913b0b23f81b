/// The standard library knows a newer version of Unicode than the tokenizers library's parts do.
extension Unicode.Scalar {
    /// Whether this scalar was assigned in that version of Unicode already.
    package func isAssigned(in version: Unicode.Version) -> Bool {
        guard let age = properties.age else { return false }
        return age <= version
    }

    /// The general category of Unicode 16.0, for what was assigned then: one letter has changed
    /// since.
    package var categoryInUnicode16: Unicode.GeneralCategory {
        value == 0x295 ? .lowercaseLetter : properties.generalCategory
    }
}
