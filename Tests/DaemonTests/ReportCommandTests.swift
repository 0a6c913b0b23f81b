import Glibc
import Posix
import Testing

@testable import Daemon

/// `stadectl report` of what is no output.
@Suite struct ReportCommandTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let operand: String
        let words: [String]
        var code: CInt = 66

        var testDescription: String { operand }
    }

    @Test(arguments: [
        Case(operand: "./plain", words: ["has no stade-report.json", "is it the model"]),
        Case(operand: "plain", words: ["has no stade-report.json", "beside config.json"]),
        Case(operand: "plain/", words: ["has no stade-report.json"]),
        Case(operand: "several", words: ["in it have one", "several/out"]),
        Case(operand: "m.yaml", words: ["is a manifest"]),
        Case(operand: "./m.yml", words: ["is a manifest"]),
        Case(
            operand: "several/out/stade-report.json", words: ["is a file", "directory that holds"]),
        Case(operand: "f", words: ["is a file"]),
        Case(operand: "./absent", words: ["not found", "stade has written"]),
        Case(operand: "other", words: ["not a report of version 1"], code: 65),
    ])
    func report_ofWhatIsNoOutput_saysWhatItIs(_ example: Case) throws {
        let scratch = try ScratchDaemon()
        let place = joined(scratch.path, "work")
        for directory in ["", "plain", "several", "several/out", "other"] {
            mkdir(directory.isEmpty ? place : joined(place, directory), 0o755)
        }
        for (name, text) in [
            ("m.yaml", "version: 1\n"), ("m.yml", "version: 1\n"), ("f", ""),
            ("several/out/stade-report.json", #"{"version": 1}"#),
            ("other/stade-report.json", #"{"version": 9}"#),
        ] { try writeFile(joined(place, name), Array(text.utf8)) }
        let program = try Program(
            "stadectl", ["report", "--spool", scratch.path, joined(place, example.operand)],
            output: joined(scratch.path, "output"))
        #expect(program.wait() == example.code)
        for word in example.words {
            #expect(program.output.contains(word), "\(word) is not in: \(program.output)")
        }
        #expect(program.output.split(separator: "\n").count == 1)
    }
}
