import Posix

/// Text from a document as an error shows it: in quotes, harmless to a terminal, and short.
package func quoted(_ text: String) -> String { "'\(escaped(text, limit: 64))'" }
