import Foundation
import Posix
import TestSupport

/// A document of the repository: its tables, code blocks, headings and links.
struct Document {
    struct Table {
        let header: [String]
        let rows: [[String]]
    }

    struct Block {
        let language: String
        let text: String
    }

    /// Relative to the repository.
    let path: String
    private(set) var tables: [Table] = []
    private(set) var blocks: [Block] = []
    /// As links name them.
    private(set) var anchors: Set<String> = []
    /// All text but code blocks.
    private(set) var prose = ""

    /// Every Markdown document for readers.
    static let all: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: sourcePath("docs"))) ?? []
        let pages = names.filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }.sorted()
        return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Benchmarks/README.md"] + pages
    }()

    init(_ path: String) throws {
        self.path = path
        let text = String(decoding: try readFile(sourcePath(path)), as: UTF8.self)
        var language: String?
        var code: [Substring] = []
        var rows: [[String]] = []
        // One more line, so that every table ends.
        let lines = (text + "\n").split(separator: "\n", omittingEmptySubsequences: false)
        for line in lines {
            if line.hasPrefix("```") {
                if let known = language {
                    blocks.append(Block(language: known, text: code.joined(separator: "\n")))
                    language = nil
                } else {
                    language = String(line.dropFirst(3))
                    code = []
                }
                continue
            }
            if language != nil {
                code.append(line)
                continue
            }
            prose += line + "\n"
            if line.hasPrefix("#") { note(heading: line.drop { $0 == "#" || $0 == " " }) }
            if line.hasPrefix("|") {
                rows.append(Self.cells(line))
            } else if !rows.isEmpty {
                tables.append(Table(header: rows[0], rows: Array(rows.dropFirst(2))))
                rows = []
            }
        }
    }

    /// As GitHub makes them: lower case, no punctuation, dashes for spaces, numbered where taken.
    private mutating func note(heading: Substring) {
        let kept = heading.lowercased().filter {
            $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == " "
        }
        let anchor = String(kept.map { $0 == " " ? "-" : $0 })
        var name = anchor
        var number = 0
        while anchors.contains(name) {
            number += 1
            name = "\(anchor)-\(number)"
        }
        anchors.insert(name)
    }

    /// `\|` does not end a cell.
    private static func cells(_ line: Substring) -> [String] {
        line.replacing("\\|", with: "\u{1}").split(separator: "|", omittingEmptySubsequences: false)
            .dropFirst().dropLast()
            .map { $0.replacing("\u{1}", with: "|").trimmingCharacters(in: .whitespaces) }
    }

    /// The table whose header begins so.
    func table(_ header: String...) -> Table? {
        tables.first { $0.header.starts(with: header) }
    }

    /// Targets of all links and pictures.
    var links: [String] {
        prose.matches(of: /\]\(([^)\s]+)\)/).map { String($0.output.1) }
    }

    /// What stands in backticks.
    static func code(_ cell: String) -> [String] {
        cell.matches(of: /`([^`]+)`/).map { String($0.output.1) }
    }
}

/// A manual page of the repository.
struct ManualPage {
    struct Entry {
        let names: [String]
        let text: String
    }

    private var sections: [String: [Entry]] = [:]

    init(_ path: String) throws {
        let text = String(decoding: try readFile(sourcePath(path)), as: UTF8.self)
        var section = ""
        var entries: [(tag: String, text: [String])] = []
        var awaitsTag = false
        func plain(_ line: Substring) -> String {
            var words = String(line)
            if words.hasPrefix(".") {
                // Macros of fonts: their quotes only group words.
                words = String(words.drop { $0 != " " }.dropFirst()).replacing("\"", with: "")
            }
            return words.replacing(/\\f./, with: "").replacing("\\-", with: "-")
                .replacing("\\&", with: "").replacing("\\e", with: "\\")
        }
        func close(_ sections: inout [String: [Entry]]) {
            sections[section] = entries.map { tag, lines in
                Entry(
                    names: tag.split { $0 == " " || $0 == "," }.map(String.init),
                    text: lines.joined(separator: " "))
            }
            entries = []
        }
        for line in text.split(separator: "\n") {
            if line.hasPrefix(".SH") {
                close(&sections)
                section = String(line.dropFirst(4)).replacing("\"", with: "")
            } else if line == ".TP" {
                awaitsTag = true
            } else if awaitsTag {
                entries.append((plain(line), []))
                awaitsTag = false
            } else if !entries.isEmpty, line != ".PP" {
                entries[entries.count - 1].text.append(plain(line))
            }
        }
        close(&sections)
    }

    func entries(_ section: String) -> [Entry] { sections[section] ?? [] }

    func names(_ section: String) -> [String] { entries(section).flatMap(\.names) }
}
