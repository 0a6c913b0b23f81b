import Daemon
import Foundation
import Glibc
import Manifests
import Posix
import TestSupport
import Testing

/// Commands, options, exit codes, messages and metrics in documents, manual pages and completions
/// against the programs.
@Suite struct CommandDocumentationTests {
    private static func output(_ program: String, _ words: String...) throws -> String {
        let scratch = try Scratch()
        let running = try Program(program, words, output: scratch["output"])
        #expect(running.wait() == 0)
        return running.output
    }

    /// The words that begin an indented line.
    private static func listed(_ help: String) -> [String] {
        help.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
    }

    private static let commands: [String] = (try? listed(output("stadectl", "--help"))) ?? []

    private static func options(_ command: String) throws -> Set<String> {
        Set(listed(try output("stadectl", command, "--help")).filter { $0.hasPrefix("--") })
    }

    @Test func commandsAreListed() throws {
        #expect(Self.commands.count > 10)
        let table = try #require(try Document("docs/operations.md").table("command"))
        let documented = table.rows.compactMap { row in
            Document.code(row[0]).first?.split(separator: " ").dropFirst().first.map(String.init)
        }
        #expect(documented == Self.commands)
        let page = try ManualPage("etc/man/stadectl.1").entries("COMMANDS").map { $0.names[0] }
        #expect(page == Self.commands)
    }

    @Test func optionsAreListed() throws {
        var all: Set<String> = ["--help", "--version"]
        for command in Self.commands { all.formUnion(try Self.options(command)) }
        let page = try ManualPage("etc/man/stadectl.1").names("OPTIONS")
        #expect(Set(page.filter { $0.hasPrefix("--") }) == all)
        let operations = try Document("docs/operations.md").prose
        for option in all { #expect(operations.contains("`\(option)"), "\(option)") }

        let daemon = Set(Self.listed(try Self.output("staded", "--help")))
        #expect(daemon.count > 3)
        let names = try ManualPage("etc/man/staded.8").names("OPTIONS")
        #expect(Set(names.filter { $0.hasPrefix("--") }) == daemon)
    }

    /// What bash completes after a command is what the command takes.
    @Test func completionsKnowCommandsAndOptions() throws {
        func complete(_ words: [String]) throws -> Set<String> {
            let file = sourcePath("etc/completions/stadectl.bash")
            let script = """
                compopt() { :; }; complete() { :; }; stadectl() { :; }
                . '\(file)'
                COMP_WORDS=(\(words.joined(separator: " "))) COMP_CWORD=\(words.count - 1)
                _stadectl
                printf '%s\\n' "${COMPREPLY[@]}"
                """
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/bash")
            shell.arguments = ["-c", script]
            let pipe = Pipe()
            shell.standardOutput = pipe
            try shell.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            shell.waitUntilExit()
            return Set(
                String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init))
        }
        #expect(
            try complete(["stadectl", "''"]) == Set(Self.commands + ["--help", "--version"]))
        let zsh = String(
            decoding: try readFile(sourcePath("etc/completions/_stadectl")), as: UTF8.self)
        let fish = String(
            decoding: try readFile(sourcePath("etc/completions/stadectl.fish")), as: UTF8.self)
        for command in Self.commands {
            let options = try Self.options(command)
            #expect(try complete(["stadectl", command, "--"]) == options, "\(command)")
            #expect(zsh.contains("'\(command):"), "\(command)")
            #expect(
                fish.contains(" \(command) ") || fish.contains(" \(command)\n"), "\(command)")
            for option in options {
                #expect(zsh.contains("'\(option)["), "\(option)")
                #expect(fish.contains("-l \(option.dropFirst(2)) "), "\(option)")
            }
        }
    }

    @Test func exitCodesAreListed() throws {
        let codes = (0...255).filter { ExitCode(rawValue: $0) != nil }.map { "\($0)" }
        let table = try #require(try Document("docs/operations.md").table("status", "meaning"))
        #expect(table.rows.map { $0[0] } == codes)
        #expect(try ManualPage("etc/man/stadectl.1").names("EXIT STATUS") == codes)
        let help = try Self.output("stadectl", "--help")
        let said = help.drop { $0 != ":" }.matches(of: /\b\d+\b/).map { String($0.output) }
        #expect(Array(said.suffix(codes.count)) == codes)
        let daemon = try ManualPage("etc/man/staded.8").names("EXIT STATUS")
        #expect(Set(daemon).isSubset(of: codes) && daemon.count > 3)
    }

    @Test func messagesAreListed() throws {
        let table = try #require(
            try Document("docs/operations.md").table("event", "`MESSAGE_ID`"))
        let documented = table.rows.map { row in row.prefix(2).flatMap(Document.code) }
        let messages = Message.allCases.map { message in
            let name = "\(message)".map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }
            return [name.joined(), message.rawValue]
        }
        #expect(Set(documented) == Set(messages) && documented.count == messages.count)
        let catalog = String(decoding: try readFile(sourcePath("etc/stade.catalog")), as: UTF8.self)
        for message in Message.allCases {
            #expect(catalog.contains("-- \(message.rawValue)\n"), "\(message)")
        }
    }

    @Test func metricsAreListed() throws {
        let scratch = try ScratchDaemon()
        let daemon = try Program(
            "staded", ["--config", scratch.configurationFile],
            output: joined(scratch.path, "log"))
        let file = joined(scratch.spool.path, "metrics.prom")
        #expect(eventually { access(file, F_OK) == 0 })
        #expect(kill(daemon.identifier, SIGTERM) == 0)
        #expect(daemon.wait() == 0)
        let text = String(decoding: try readFile(file), as: UTF8.self)
        let written = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
            .map { String($0.split(separator: " ")[2]) }
        let table = try #require(try Document("docs/operations.md").table("metric", "meaning"))
        let documented = table.rows.compactMap { row in
            Document.code(row[0]).first?.split(separator: "{").first.map(String.init)
        }
        #expect(Set(documented) == Set(written) && documented.count == written.count)
    }
}
