import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// What documents point to is there.
@Suite struct LinkTests {
    @Test(arguments: Document.all) func linksLeadSomewhere(_ name: String) throws {
        let document = try Document(name)
        let directory = name.contains("/") ? String(name.prefix { $0 != "/" }) + "/" : ""
        for link in document.links where !link.hasPrefix("http") {
            let parts = link.split(separator: "#", omittingEmptySubsequences: false).map(
                String.init)
            var target = name
            if !parts[0].isEmpty {
                let isAbove = parts[0].hasPrefix("../")
                target = isAbove ? String(parts[0].dropFirst(3)) : directory + parts[0]
            }
            #expect(access(sourcePath(target), F_OK) == 0, "\(name): \(link)")
            guard parts.count > 1, access(sourcePath(target), F_OK) == 0 else { continue }
            #expect(try Document(target).anchors.contains(parts[1]), "\(name): \(link)")
        }
    }

    /// Files of the repository that a text names.
    @Test(arguments: Document.all) func filesAreThere(_ name: String) throws {
        for code in Document.code(try Document(name).prose) {
            guard !code.contains(" "), !code.contains("*"), !code.contains("<"),
                ["Sources/", "Tests/", "etc/", "docs/", "systemd/", "Benchmarks/"]
                    .contains(where: { code.hasPrefix($0) })
            else { continue }
            #expect(access(sourcePath(code), F_OK) == 0, "\(name): \(code)")
        }
    }

    /// The table of modules is that of the directories.
    @Test func modulesAreListed() throws {
        let table = try #require(
            try Document("docs/architecture.md").table("module", "responsibility"))
        let names = try FileManager.default.contentsOfDirectory(atPath: sourcePath("Sources"))
        #expect(
            Set(table.rows.flatMap { Document.code($0[0]) })
                == Set(names).subtracting(["staded", "stadectl"]))
    }

    /// The first page is short, and names what it must.
    @Test func readmeIsShort() throws {
        let text = String(decoding: try readFile(sourcePath("README.md")), as: UTF8.self)
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 150)
        for word in ["make demo", "make test", "When not to use it"] {
            #expect(text.contains(word))
        }
    }
}
