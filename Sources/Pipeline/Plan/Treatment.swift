import Checkpoint
import Pruning
import Transformer

/// What one method, and with whole channels one sparsity, comes to in a model: what is done to each
/// layer, and how the result is laid out.
struct Treatment: Sendable {
    let method: Method
    /// `[blocks][layers of the block]`.
    let layers: [[LayerPlan]]
    let biases: BiasPlan
    /// Roles of which some layer's bias changes.
    let usedRoles: Set<Role>
    /// Of each of the output's blocks.
    let shapes: [BlockShape]
    /// What all of them follow from.
    let widths: ModelWidths
    /// Why heads stay although whole channels go; nil where that is no matter.
    let headsKept: String?
    /// How many experts stay; nil where none is to go.
    var experts: ExpertPlan?
    let layout: CheckpointLayout
    /// What pattern `blocks` comes to; nil with another one.
    var blocks: BlockPlan?

    /// Disk space of the output at most, in bytes.
    var bytes: Int { layout.bytes + (blocks?.moreBytes ?? 0) }
}
