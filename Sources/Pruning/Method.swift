/// How weights are judged. A method is one value here; see CONTRIBUTING.md for how to add one.
package struct Method: Sendable {
    /// As in a manifest, e.g. `stade-w`.
    package let name: String

    /// Every method, in the order in which help texts list them.
    package static let all: [Method] =
        ["auto", "stade", "stade-w", "stade-star", "wanda", "magnitude", "random"]
        .map(Method.init(name:))

    package static func named(_ name: String) -> Method? { all.first { $0.name == name } }
}
